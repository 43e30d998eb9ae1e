//go:build unix

package main

import (
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// peers are the servers at which a behaviour is tested.
var peers = []struct {
	name  string
	start func(t *testing.T, codeSeconds string) peer
}{
	{"authserver", func(t *testing.T, codeSeconds string) peer {
		return ours(t, func(c *authserver.Config) {
			if codeSeconds != "" {
				c.DeviceCodeLifetime, _ = time.ParseDuration(codeSeconds + "s")
			}
		})
	}},
	{"oidc-provider", func(t *testing.T, codeSeconds string) peer {
		if codeSeconds != "" {
			return certified(t, "--device-code", codeSeconds)
		}
		return certified(t)
	}},
}

// Q31, Q32, Q34, Q35: sign-in with a code, for each decision of the user.
func TestDevice(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			peer := p.start(t, "")
			t.Run("approved", func(t *testing.T) {
				t.Parallel()
				a := newAccount(t, peer.config)
				login := a.start("login")
				page, _ := login.code()
				peer.decide(t, page, "approve")
				if out := login.ends(exitOK); out != "" {
					t.Errorf("standard output: %q", out)
				}
				login.says(`Signed in\.\n`)
				if strings.ContainsRune(login.said(), '\x1b') {
					t.Errorf("escapes where there is no terminal: %q", login.said())
				}
				token := a.token()
				if peer.server != nil {
					if granted, ok := peer.server.Authenticate(time.Now(), token); !ok || granted.User != user {
						t.Error("the token is good for nothing", granted)
					}
				}
				if again := a.token(); again != token {
					t.Error("a good token was replaced")
				}
				a.private()
			})
			t.Run("denied", func(t *testing.T) {
				t.Parallel()
				a := newAccount(t, peer.config)
				login := a.start("login")
				page, first := login.code()
				peer.decide(t, page, "deny")
				login.ends(exitRefused)
				login.says(`the sign-in was refused: .*access_denied`)
				a.start("token").ends(exitNotSignedIn)
				next := a.start("login")
				if _, second := next.code(); second == first {
					t.Error("the refused code is shown again")
				}
			})
		})
		t.Run(p.name+" expired", func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, p.start(t, "2").config)
			login := a.start("login")
			login.ends(exitRefused)
			login.says(`the time for this sign-in ran out`)
		})
	}
}

// private checks that nobody else can read the stored files.
func (a *account) private() {
	a.t.Helper()
	files := 0
	err := filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			a.t.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		files++
		return err
	})
	if err != nil || files < 3 {
		a.t.Error(files, err)
	}
}

// Q34: if a server demands slower polls, it gets them.
func TestSlowedDown(t *testing.T) {
	t.Parallel()
	peer := certified(t, "--enforce", "3")
	a := newAccount(t, peer.config)
	login := a.start("login")
	page, _ := login.code()
	// The second poll, one second after the first, comes too soon.
	a.until("slowed down", func() bool {
		return strings.Contains(a.stored(".device"), `"interval_ms":6000`) || strings.Contains(a.stored(".device"), "6000")
	})
	peer.decide(t, page, "approve")
	login.ends(exitOK)
	a.token()
}

// Q36: the next login continues one that was killed, but not one that was cancelled.
func TestLeftBehind(t *testing.T) {
	for _, row := range []struct {
		name      string
		signal    syscall.Signal
		status    int
		takenOver bool
	}{
		{"killed", syscall.SIGKILL, -1, true},
		{"terminated", syscall.SIGTERM, -1, true},
		{"Ctrl-C", syscall.SIGINT, exitInterrupted, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			peer := ours(t, nil)
			a := newAccount(t, peer.config)
			first := a.start("login")
			_, code := first.code()
			if err := first.cmd.Process.Signal(row.signal); err != nil {
				t.Fatal(err)
			}
			first.ends(row.status)
			second := a.start("login")
			page, again := second.code()
			if (code == again) != row.takenOver || strings.Contains(second.said(), "Going on with the sign-in") != row.takenOver {
				t.Errorf("code %s, then %s: %s", code, again, second.said())
			}
			peer.decide(t, page, "approve")
			second.ends(exitOK)
			a.token()
		})
	}
}

// Q36: status reports an unfinished sign-in, and a code that has expired meanwhile is replaced.
func TestLeftBehindTooLong(t *testing.T) {
	t.Parallel()
	peer := ours(t, func(c *authserver.Config) { c.DeviceCodeLifetime = 15 * time.Second })
	a := newAccount(t, peer.config)
	first := a.start("login")
	_, code := first.code()
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.ends(-1)
	if out := a.start("status").ends(exitNotSignedIn); !strings.Contains(out, code) {
		t.Errorf("status: %s", out)
	}
	a.until("expired", func() bool { return !strings.Contains(a.start("status").ends(exitNotSignedIn), code) })
	if _, again := a.start("login").code(); again == code {
		t.Error("a code that ran out is shown")
	}
}

// Q36, X5: a failed connection during polling does not end the sign-in.
func TestServerAway(t *testing.T) {
	t.Parallel()
	peer := ours(t, nil)
	upstream, err := url.Parse(peer.config.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	// The token endpoint is behind a proxy, which closes.
	door := httptest.NewServer(httputil.NewSingleHostReverseProxy(upstream))
	address := door.Listener.Addr().String()
	peer.config.TokenEndpoint = door.URL + "/token"
	a := newAccount(t, peer.config)
	login := a.start("login")
	page, _ := login.code()
	door.CloseClientConnections()
	door.Close()
	login.says(`The server cannot be reached; trying again`)
	peer.decide(t, page, "approve")
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	back := &http.Server{Handler: httputil.NewSingleHostReverseProxy(upstream)}
	go back.Serve(listener)
	defer back.Close()
	login.ends(exitOK)
}

// Q40: the browser returns by itself. It was opened with the URL that is printed.
func TestLoopback(t *testing.T) {
	for _, p := range peers {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			peer := p.start(t, "")
			path := t.TempDir()
			opened := filepath.Join(path, "opened")
			script := "#!/bin/sh\necho noise\nprintf %s \"$1\" >" + opened + ".part && mv " + opened + ".part " + opened + "\n"
			if err := os.WriteFile(filepath.Join(path, "xdg-open"), []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			a := newAccount(t, peer.config, "PATH="+path+":"+os.Getenv("PATH"))
			login := a.start("-loopback", "login")
			page := login.says(`or open\n\n    (\S+)\n`)[1]
			a.until("the browser is opened", func() bool { got, _ := os.ReadFile(opened); return string(got) == page })
			peer.decide(t, page, "approve")
			if out := login.ends(exitOK); out != "" {
				t.Errorf("standard output: %q", out)
			}
			a.token()
		})
	}
	t.Run("no browser, and denied", func(t *testing.T) {
		t.Parallel()
		peer := ours(t, nil)
		a := newAccount(t, peer.config, "PATH="+t.TempDir())
		login := a.start("login", "-loopback")
		peer.decide(t, login.says(`or open\n\n    (\S+)\n`)[1], "deny")
		login.ends(exitRefused)
		login.says(`the sign-in was refused`)
	})
	// E75: a stranger's reply is shown on the terminal, and ends nothing.
	t.Run("a stranger's reply", func(t *testing.T) {
		t.Parallel()
		peer := ours(t, nil)
		login := newAccount(t, peer.config).start("login", "-loopback")
		page := login.says(`or open\n\n    (\S+)\n`)[1]
		to, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.Get(to.Query().Get("redirect_uri") + "?error=invalid_scope&error_description=%1b[2Jgone")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		login.says(`missing state \(invalid_scope: \[2Jgone, unverified\)`)
		peer.decide(t, page, "approve")
		login.ends(exitOK)
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		t.Parallel()
		login := newAccount(t, ours(t, nil).config).start("login", "-loopback")
		login.says(`Waiting`)
		if err := login.cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		login.ends(exitInterrupted)
	})
}

// Q42: the user pastes the code, or the address at which the browser ended.
func TestPaste(t *testing.T) {
	peer := ours(t, nil)
	peer.config.RedirectURI = "https://app.example/paste"
	for _, row := range []struct {
		name   string
		paste  func(address *url.URL) string
		status int
	}{
		{"the code", func(at *url.URL) string { return at.Query().Get("code") }, exitOK},
		{"the address", func(at *url.URL) string { return at.String() }, exitOK},
		{"the response to another sign-in", func(at *url.URL) string {
			return "https://app.example/paste?state=other&code=" + at.Query().Get("code")
		}, exitRefused},
		{"a wrong code", func(*url.URL) string { return "nonsense" }, exitFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, peer.config)
			login := a.start("-paste", "login")
			address := arrival(t, login.says(`open\n\n    (\S+)\n`)[1])
			if _, err := login.in.Write([]byte(row.paste(address) + "\n")); err != nil {
				t.Fatal(err)
			}
			login.ends(row.status)
			if row.status == exitOK {
				a.token()
			}
		})
	}
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		login := newAccount(t, peer.config).start("-paste", "login")
		login.in.Close()
		login.ends(exitFailed)
	})
}
