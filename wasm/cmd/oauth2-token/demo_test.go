//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDemo (M90): the command that `make demo` prints signs in at its server, and its API accepts
// the token.
func TestDemo(t *testing.T) {
	t.Parallel()
	demo := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", demo, "../../../web").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	server := &process{t: t, cmd: exec.Command(demo), more: make(chan struct{}, 1)}
	server.cmd.Dir = "../../.."
	server.cmd.Env = append(os.Environ(), "PORT=18080") // or the next free port
	out, err := server.cmd.StdoutPipe()
	if err == nil {
		err = server.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.cmd.Process.Kill()
		server.cmd.Wait()
	})
	go server.read(out)
	command := server.says(`(?m)^terminal: (.*)$`)[1]
	issuer := regexp.MustCompile(`-issuer (\S+)`).FindStringSubmatch(command)[1]

	// The command as a person would paste it, with its own directory.
	home := t.TempDir()
	const program = "go run ./wasm/cmd/oauth2-token "
	if !strings.HasPrefix(command, program) || !strings.HasSuffix(command, " login") {
		t.Fatal(command)
	}
	a := &account{t: t, dir: filepath.Join(home, "session")}
	shell := func(command string) *process {
		p := &process{t: t, cmd: exec.Command("sh", "-c", binary+" -dir '"+a.dir+"' "+strings.TrimPrefix(command, program)), more: make(chan struct{}, 1)}
		p.cmd.Stdout = &p.out
		stderr, err := p.cmd.StderrPipe()
		if err == nil {
			err = p.cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		go p.read(stderr)
		t.Cleanup(func() { p.cmd.Process.Kill() })
		return p
	}
	login := shell(command)
	page, _ := login.code()
	browse(t, page, "approve")
	login.ends(exitOK)
	same := strings.TrimSuffix(command, "login")
	if who := shell(same + "whoami").ends(exitOK); !strings.Contains(who, "demo@example.com") {
		t.Errorf("whoami: %s", who)
	}
	r, err := http.NewRequest("GET", issuer+"/api/notes", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(shell(same+"token").ends(exitOK)))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || !strings.Contains(string(body), `"user":"demo"`) {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}
