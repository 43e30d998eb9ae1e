//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// fixed is a source with one token, and another one if a newer token is requested.
type fixed struct {
	answer tokenAnswer
	who    identity
	err    error
	fresh  *int
}

func (f fixed) token(_ context.Context, fresh bool) (tokenAnswer, error) {
	if fresh && f.fresh != nil {
		*f.fresh++
	}
	return f.answer, f.err
}
func (f fixed) status(context.Context) (statusAnswer, error) { return statusAnswer{}, f.err }
func (f fixed) whoami(context.Context) (identity, error)     { return f.who, f.err }

// short is a directory with a name that is short enough for a socket's path.
func short(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// TestAgent (M82): an agent gives the session's token to processes without configuration, refreshes
// it for all of them, tells them when the session has ended, and removes its socket.
func TestAgent(t *testing.T) {
	t.Parallel()
	p := ours(t, func(c *authserver.Config) { c.AccessTokenLifetime = 20 * time.Second })
	a := signIn(t, p)
	socket := filepath.Join(short(t), "s")
	serve := a.start("serve", "-socket", socket)
	serve.says(`ready: ` + socket)
	bare := &account{t: t, dir: filepath.Join(short(t), "none"), env: []string{agentVariable + "=" + socket}}
	first := bare.token()
	if first != a.token() {
		t.Error("another token than the session's")
	}
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if status := bare.one(exitOK, "status", "-json"); status["signed_in"] != true {
		t.Error(status)
	}
	who := bare.start("whoami", "-agent", socket)
	who.ends(exitUsage)
	who.says("lacks userinfo_endpoint")
	curl := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}}
	res, err := curl.Get("http://agent/token")
	if err != nil || res.StatusCode != 200 || res.Header.Get("Cache-Control") != "no-store" {
		t.Error(res, err)
	}
	other := a.start("serve", "-socket", socket)
	other.ends(exitFailed)
	other.says("an agent serves .* already")
	bare.until("a fresh token", func() bool { return bare.token() != first })

	a.start("logout").ends(exitOK)
	// The agent reads the store at most once a second.
	bare.until("over", func() bool { return bare.start("token").exit() == exitNotSignedIn })
	over := bare.start("token")
	over.ends(exitNotSignedIn)
	over.says("not signed in")
	if err := serve.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if out := serve.ends(exitOK); out != agentVariable+"='"+socket+"'; export "+agentVariable+";\n" {
		t.Errorf("printed %q", out)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Error("the socket is left: ", err)
	}
	gone := bare.start("token")
	gone.ends(exitFailed)
	gone.says("no agent answers at " + socket)
}

// TestAgentsPlace (M83): an agent serves in a directory of the user's own. It replaces the socket
// of an agent that was killed, and no other file.
func TestAgentsPlace(t *testing.T) {
	for _, row := range []struct {
		name    string
		prepare func(t *testing.T, dir, socket string)
		want    string
	}{
		{"a directory of its own", func(*testing.T, string, string) {}, ""},
		{"what a killed agent left", func(t *testing.T, _, socket string) {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket})
			if err != nil {
				t.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			l.Close()
		}, ""},
		{"a directory that others may enter", func(_ *testing.T, dir, _ string) { os.Chmod(dir, 0o755) }, "0700"},
		{"a directory that the group may read", func(_ *testing.T, dir, _ string) { os.Chmod(dir, 0o740) }, "0700"},
		{"a directory of another user's", func(t *testing.T, dir, _ string) {
			if os.Chown(dir, 65534, 65534) != nil {
				t.Skip("only root can give a directory away")
			}
		}, "another user's"},
		{"a file of that name", func(_ *testing.T, _, socket string) { os.WriteFile(socket, nil, 0o600) }, "no socket"},
		{"a link of that name", func(_ *testing.T, dir, socket string) { os.Symlink(dir+"/elsewhere", socket) }, "no socket"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := short(t)
			socket := filepath.Join(dir, "s")
			row.prepare(t, dir, socket)
			l, err := listen(socket)
			if err == nil {
				l.Close()
			}
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := listen(filepath.Join(short(t), strings.Repeat("s", longestSocket))); exitStatus(err) != exitUsage || !strings.Contains(err.Error(), "-socket") {
		t.Error(err)
	}
}

// TestOtherUsers (M84): a process with another uid gets nothing, even if it can reach the socket,
// and an agent with another uid gets no request.
func TestOtherUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a process of another user")
	}
	dir := short(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(dir, "test") // the other user can start it there
	raw, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(self, raw, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	another := func(what, socket string) *exec.Cmd {
		cmd := exec.Command(self)
		cmd.Env = []string{"OAUTH2_TOKEN_TEST=" + what, "OAUTH2_TOKEN_TEST_SOCKET=" + socket}
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return cmd
	}

	socket := filepath.Join(dir, "ours")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(socket, 0o777) // somebody passed it on
	said := &process{t: t, more: make(chan struct{}, 1)}
	server := &http.Server{Handler: agentHandler(fixed{answer: tokenAnswer{AccessToken: "secret-token", TokenType: "Bearer"}})}
	go server.Serve(&guarded{l, &screen{w: writer{said}}})
	defer server.Close()
	if got, err := (agent{socket}).token(t.Context(), false); err != nil || got.AccessToken != "secret-token" {
		t.Errorf("the same user: %v", err)
	}
	if out, err := another("dial", socket).CombinedOutput(); err != nil || strings.Contains(string(out), "secret-token") || !strings.Contains(string(out), "refused by the agent") {
		t.Errorf("another user: %v, %s", err, out)
	}
	if !strings.Contains(said.said(), fmt.Sprintf("A peer was refused: its uid is 65534, not %d.", os.Getuid())) {
		t.Errorf("said %q", said.said())
	}

	theirs := filepath.Join(dir, "theirs")
	impostor := another("serve", theirs)
	if err := impostor.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		impostor.Process.Kill()
		impostor.Wait()
	}()
	a := &account{t: t}
	a.until("it serves", func() bool { c, err := net.Dial("unix", theirs); return err == nil && c.Close() == nil })
	if _, err := (agent{theirs}).token(t.Context(), false); err == nil || !strings.Contains(err.Error(), "not yours") {
		t.Errorf("an agent of another user was asked: %v", err)
	}
}

// writer lets a screen write to a process's output.
type writer struct{ *process }

func (w writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text += string(text)
	return len(text), nil
}

// asKeyring is set if there is a keyring to test.
var asKeyring func(dir string) int

// asAnother is what this test program does as the other user, or as another process.
func asAnother(what, socket string) int {
	if what == "key" {
		return asKeyring(socket)
	}
	if what == "serve" {
		l, err := net.Listen("unix", socket)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		os.Chmod(socket, 0o777)
		http.Serve(l, agentHandler(fixed{answer: tokenAnswer{AccessToken: "false-token"}}))
		return 1
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println("not reached:", err)
		return 1
	}
	fmt.Fprint(conn, "GET /token HTTP/1.0\r\n\r\n")
	answer, _ := io.ReadAll(conn)
	if len(answer) == 0 {
		fmt.Println("refused by the agent")
	}
	os.Stdout.Write(answer)
	return 0
}
