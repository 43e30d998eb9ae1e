//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// until waits until f is true.
func (a *account) until(what string, f func() bool) {
	a.t.Helper()
	for end := time.Now().Add(oauthtest.Patience); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			a.t.Fatal("never: " + what)
		}
	}
}

// stored is the file whose name ends with suffix.
func (a *account) stored(suffix string) string {
	a.t.Helper()
	names, err := filepath.Glob(filepath.Join(a.dir, "*"+suffix))
	if err != nil || len(names) != 1 {
		return ""
	}
	raw, err := os.ReadFile(names[0])
	if err != nil {
		return ""
	}
	return string(raw)
}

// signIn returns the account of a user who has signed in.
func signIn(t *testing.T, p peer) *account {
	t.Helper()
	a := newAccount(t, p.config)
	login := a.start("login")
	page, _ := login.code()
	p.decide(t, page, "approve")
	login.ends(exitOK)
	return a
}

// An expired token is refreshed before it is printed. If several processes need that at once, one
// refreshes, and all print the new token.
func TestRefresh(t *testing.T) {
	t.Parallel()
	p := ours(t, func(c *authserver.Config) { c.AccessTokenLifetime = 20 * time.Second })
	upstream, err := url.Parse(p.config.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	// A refresh takes so long that the processes overlap.
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		httputil.NewSingleHostReverseProxy(upstream).ServeHTTP(w, r)
	}))
	t.Cleanup(slow.Close)
	p.config.RefreshEndpoint = slow.URL + "/token"
	a := signIn(t, p)
	old := a.token()
	a.until("over", func() bool { return strings.Contains(a.start("status").ends(exitOK), "which is over") })

	refreshes := func() int { return p.server.Stats().TokenRequests[authserver.GrantRefreshToken] }
	before := refreshes()
	var processes []*process
	for range 4 {
		processes = append(processes, a.start("token"))
	}
	printed := map[string]bool{}
	for _, process := range processes {
		printed[process.ends(exitOK)] = true
	}
	if len(printed) != 1 || printed[old+"\n"] || refreshes() != before+1 {
		t.Fatalf("%d tokens, %d refreshes", len(printed), refreshes()-before)
	}
	for token := range printed {
		if _, ok := p.server.Authenticate(time.Now(), strings.TrimSpace(token)); !ok {
			t.Error("the new token is not good")
		}
	}
	a.private()
}

// A certified server, too, replaces an expired token.
func TestRefreshCertified(t *testing.T) {
	t.Parallel()
	a := signIn(t, certified(t, "--access-token", "2"))
	old := a.token()
	a.until("another token", func() bool { return a.token() != old })
}

func TestStatusAndLogout(t *testing.T) {
	t.Parallel()
	p := ours(t, nil)
	a := signIn(t, p)
	token := a.token()
	out := a.start("status").ends(exitOK)
	for _, part := range []string{"app@" + p.config.Issuer, "profile", "is refreshed"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in %s", part, out)
		}
	}
	if strings.Contains(out, token) {
		t.Error("the token is in status")
	}
	logout := a.start("logout")
	logout.ends(exitOK)
	logout.says("Signed out; the server confirmed it")
	if _, ok := p.server.Authenticate(time.Now(), token); ok {
		t.Error("the token is still good")
	}
	for _, command := range []string{"token", "status"} {
		after := a.start(command)
		if out := after.ends(exitNotSignedIn); strings.Contains(out, token) {
			t.Errorf("%s printed %q", command, out)
		}
		after.says("not signed in; the same command with `login` at its end does that")
	}
	a.start("logout").ends(exitOK)
}

// If the server has browser sessions, logout prints where to end one, and the server knows whose it
// is.
func TestLogoutOfTheBrowser(t *testing.T) {
	t.Parallel()
	logout := signIn(t, certified(t)).start("logout")
	logout.ends(exitOK)
	address := logout.says(`Signed out; the server confirmed it(?s:.*)\n    (\S+\?id_token_hint=\S+)\n`)[1]
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != 200 {
		t.Errorf("status %d", res.StatusCode)
	}
}

// Sessions of two clients are independent.
func TestTwoClients(t *testing.T) {
	t.Parallel()
	one, other := ours(t, nil), ours(t, nil)
	a := signIn(t, one)
	token := a.token()
	flags := []string{"-issuer", other.config.Issuer, "-token-endpoint", other.config.TokenEndpoint, "-device-authorization-endpoint", other.config.DeviceAuthorizationEndpoint}
	a.start(append(flags, "token")...).ends(exitNotSignedIn)
	login := a.start(append(flags, "login")...)
	page, _ := login.code()
	other.decide(t, page, "approve")
	login.ends(exitOK)
	if second := strings.TrimSpace(a.start(append(flags, "token")...).ends(exitOK)); second == token || a.token() != token {
		t.Error("the sessions are mixed up")
	}
}

// The secret of a confidential client comes from the environment or the file.
func TestSecret(t *testing.T) {
	t.Parallel()
	p := certified(t)
	p.config.ClientID = "basic"
	const secret = "a-secret-of-the-test"
	inFile := p.config
	inFile.ClientSecret = secret
	for _, row := range []struct {
		name   string
		config oauth.Config
		env    string
		good   bool
	}{
		{"in the environment", p.config, secret, true},
		{"in the file", inFile, "", true},
		{"the environment goes before the file", inFile, "wrong", false},
		{"wrong", p.config, "wrong", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t, row.config, secretVariable+"="+row.env)
			login := a.start("login")
			if !row.good {
				login.ends(exitFailed)
				login.says("invalid_client")
			} else {
				page, _ := login.code()
				p.decide(t, page, "approve")
				login.ends(exitOK)
				a.token()
			}
			if strings.Contains(login.said(), secret) {
				t.Error("the secret is printed")
			}
		})
	}
}

func TestDirectoryThatOthersRead(t *testing.T) {
	t.Parallel()
	a := newAccount(t, ours(t, nil).config)
	if err := os.Chmod(a.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	login := a.start("login")
	login.ends(exitFailed)
	login.says("0700")
}

// If the session cannot be stored, that is a failure, although the sign-in succeeded.
func TestNotKept(t *testing.T) {
	t.Parallel()
	p := ours(t, nil)
	a := newAccount(t, p.config)
	login := a.start("login")
	page, _ := login.code()
	if err := os.RemoveAll(a.dir); err != nil {
		t.Fatal(err)
	}
	p.decide(t, page, "approve")
	login.ends(exitFailed)
	login.says("signed in, but the session is lost with this process")
}
