//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// secretService starts gnome-keyring-daemon, a Secret Service, in its own D-Bus session, and
// returns the environment with which a program reaches it.
func secretService(t *testing.T) (env []string) {
	t.Helper()
	programs(t, "dbus-run-session", "gnome-keyring-daemon")
	home := short(t)
	// The keyring "login" is created and unlocked with a password from standard input.
	cmd := exec.Command("dbus-run-session", "--", "sh", "-c", `printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null && echo "$DBUS_SESSION_BUS_ADDRESS" && exec sleep infinity`)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_RUNTIME_DIR=" + home, "XDG_DATA_HOME=" + home}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "unix:") {
		t.Fatalf("no keyring: %q, %v", lines.Text(), lines.Err())
	}
	return []string{"DBUS_SESSION_BUS_ADDRESS=" + lines.Text()}
}

// TestKeyring (M89): with -keyring no file contains a token in plain text, every process of the
// user reads the session with the key in the Secret Service, another keyring has no session, and
// without a keyring nothing is stored. The Secret Service is gnome-keyring.
func TestKeyring(t *testing.T) {
	t.Parallel()
	env := secretService(t)
	p := ours(t, nil)
	a := newAccount(t, p.config, env...)
	login := a.start("-keyring", "login")
	page, _ := login.code()
	p.decide(t, page, "approve")
	login.ends(exitOK)
	token := strings.TrimSpace(a.start("-keyring", "token").ends(exitOK))
	a.private()
	files := 0
	filepath.WalkDir(a.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if files++; err != nil || strings.Contains(string(raw), token) || strings.Contains(string(raw), "refresh_token") {
			t.Errorf("%s is in the clear: %v", d.Name(), err)
		}
		return nil
	})
	if files < 2 {
		t.Errorf("%d files", files)
	}
	a.start("token").ends(exitNotSignedIn) // without the flag, the sessions that are not sealed

	other := &account{t: t, dir: a.dir, env: secretService(t)}
	other.start("-keyring", "token").ends(exitNotSignedIn)
	none := &account{t: t, dir: a.dir, env: []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + a.dir + "/none"}}
	without := none.start("-keyring", "token")
	without.ends(exitFailed)
	without.says("the keyring of the operating system cannot be used")
	if again := strings.TrimSpace(a.start("-keyring", "token").ends(exitOK)); again != token {
		t.Error("the session is another one")
	}
}

// TestKeyringAtOnce (M89): if processes find no key at once, one of them makes it, and all use that
// one.
func TestKeyringAtOnce(t *testing.T) {
	for _, pair := range secretService(t) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	dir := short(t)
	var all []*exec.Cmd
	outs := make([]bytes.Buffer, 8)
	for i := range outs {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "OAUTH2_TOKEN_TEST=key", "OAUTH2_TOKEN_TEST_SOCKET="+dir)
		cmd.Stdout, cmd.Stderr = &outs[i], os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, cmd)
	}
	locks, err := filestore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		ring, err := keyringKey(t.Context(), locks, dir)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := ring.Unseal(strings.TrimSpace(outs[i].String()), "context"); err != nil || text != "text" {
			t.Errorf("process %d has another key: %v", i, err)
		}
	}
}

// sealed is what a process of TestKeyringAtOnce prints.
func sealed(dir string) int {
	locks, err := filestore.Open(dir)
	if err == nil {
		var ring *backend.Ring
		if ring, err = keyringKey(context.Background(), locks, dir); err == nil {
			fmt.Println(ring.Seal("text", "context"))
			return 0
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func init() { asKeyring = sealed }
