//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programs skips a test that needs programs of others, unless PEERS is in the environment, as in
// `make test`.
func programs(t *testing.T, names ...string) {
	t.Helper()
	if os.Getenv("PEERS") == "" {
		t.Skip("a test with programs that PEERS=1 asks for")
	}
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatal("make setup installs it: ", err)
		}
	}
}

// TestCompletion (M88): bash, zsh and fish read the script, and complete commands, their arguments,
// flags and providers.
func TestCompletion(t *testing.T) {
	programs(t, shells...)
	home := t.TempDir()
	script := func(shell string) string {
		file := filepath.Join(home, "completion."+shell)
		if err := os.WriteFile(file, []byte(completion(shell)), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	// What each shell offers after the words.
	offers := map[string]func(words ...string) *exec.Cmd{
		"bash": func(words ...string) *exec.Cmd {
			return exec.Command("bash", append([]string{"--norc", "-c", `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _oauth2_token; printf '%s\n' "${COMPREPLY[@]}"`, "-", script("bash")}, words...)...)
		},
		"zsh": func(words ...string) *exec.Cmd {
			// compadd prints what it would offer; the rest of the completion system needs a
			// terminal.
			return exec.Command("zsh", append([]string{"-f", "-c", `compdef() { }; compadd() { shift; print -l -- ${(M)@:#${words[CURRENT]}*} }; _files() { }; source "$1"; shift; words=("$@"); CURRENT=$#; _oauth2_token`, "-", script("zsh")}, words...)...)
		},
		"fish": func(words ...string) *exec.Cmd {
			return exec.Command("fish", "--no-config", "-c", `source $argv[1]; complete -C "$argv[2]"`, script("fish"), strings.Join(words, " "))
		},
	}
	for _, row := range []struct {
		words      []string
		want, none []string
	}{
		{[]string{"oauth2-token", ""}, []string{"login", "whoami", "serve", "git-credential"}, []string{"erase", "-paste"}},
		{[]string{"oauth2-token", "st"}, []string{"status"}, []string{"login"}},
		{[]string{"oauth2-token", "git-credential", ""}, []string{"get", "store", "erase"}, []string{"list"}},
		{[]string{"oauth2-token", "docker-credential", "l"}, []string{"list"}, []string{"get"}},
		{[]string{"oauth2-token", "completion", ""}, shells, []string{"get"}},
		{[]string{"oauth2-token", "login", "-p"}, []string{"-paste", "-provider"}, []string{"-config"}},
		{[]string{"oauth2-token", "-provider", "g"}, []string{"github", "google"}, []string{"slack"}},
	} {
		for shell, offer := range offers {
			t.Run(shell+" "+strings.Join(row.words, " "), func(t *testing.T) {
				cmd := offer(row.words...)
				cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "TERM=dumb")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				offered := map[string]bool{}
				for line := range strings.Lines(string(out)) {
					word, _, _ := strings.Cut(strings.TrimSpace(line), "\t") // fish adds a description
					offered[word] = true
				}
				for _, word := range row.want {
					if !offered[word] {
						t.Errorf("no %s in %s", word, out)
					}
				}
				for _, word := range row.none {
					if offered[word] {
						t.Errorf("%s in %s", word, out)
					}
				}
			})
		}
	}
}
