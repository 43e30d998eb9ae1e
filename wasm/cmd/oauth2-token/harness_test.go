//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm/internal/beside"
)

// binary is the path of the built program.
var binary string

func TestMain(m *testing.M) {
	if what := os.Getenv("OAUTH2_TOKEN_TEST"); what != "" {
		os.Exit(asAnother(what, os.Getenv("OAUTH2_TOKEN_TEST_SOCKET")))
	}
	dir, err := os.MkdirTemp("", "oauth2-token")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "oauth2-token")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// account is a user's machine: a configuration, a directory for the session, an environment.
type account struct {
	t   *testing.T
	dir string
	env []string
}

func newAccount(t *testing.T, config oauth.Config, env ...string) *account {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return &account{t, dir, env}
}

// process is one run of the program.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    bytes.Buffer
	mu     sync.Mutex
	text   string // standard error so far
	closed bool
	more   chan struct{} // gets a value for each change
}

func (a *account) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"-dir", a.dir}, args...)...)
	cmd.Env = append(os.Environ(), a.env...)
	return cmd
}

func (a *account) start(args ...string) *process {
	a.t.Helper()
	r := &process{t: a.t, cmd: a.command(args...), more: make(chan struct{}, 1)}
	r.cmd.Stdout = &r.out
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		a.t.Fatal(err)
	}
	errOut, err := r.cmd.StderrPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	go r.read(errOut)
	a.t.Cleanup(func() { r.cmd.Process.Kill() })
	return r
}

func (r *process) read(from io.Reader) {
	for buffer := make([]byte, 4096); ; {
		n, err := from.Read(buffer)
		r.mu.Lock()
		r.text += string(buffer[:n])
		r.closed = err != nil
		r.mu.Unlock()
		select {
		case r.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// said returns standard error so far.
func (r *process) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text
}

// says waits until standard error matches, and returns the groups of the last match.
func (r *process) says(pattern string) []string {
	r.t.Helper()
	search := regexp.MustCompile(pattern)
	limit := time.After(oauthtest.Patience)
	for {
		r.mu.Lock()
		text, closed := r.text, r.closed
		r.mu.Unlock()
		if all := search.FindAllStringSubmatch(text, -1); all != nil {
			return all[len(all)-1]
		}
		if closed {
			r.t.Fatalf("ended without %q:\n%s", pattern, text)
		}
		select {
		case <-r.more:
		case <-limit:
			r.t.Fatalf("never %q:\n%s", pattern, text)
		}
	}
}

// ends waits for the end and checks the exit status. It returns standard output.
func (r *process) ends(status int) string {
	r.t.Helper()
	r.ended()
	if got := r.cmd.ProcessState.ExitCode(); got != status {
		r.t.Fatalf("exit status %d, want %d; standard error:\n%s", got, status, r.said())
	}
	return r.out.String()
}

// ended waits for the end.
func (r *process) ended() {
	r.t.Helper()
	for closed := false; !closed; {
		r.mu.Lock()
		closed = r.closed
		r.mu.Unlock()
		if closed {
			break
		}
		select {
		case <-r.more:
		case <-time.After(oauthtest.Patience):
			r.t.Fatalf("it does not end:\n%s", r.said())
		}
	}
	err := r.cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		r.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit status.
func (r *process) exit() int {
	r.t.Helper()
	r.ended()
	return r.cmd.ProcessState.ExitCode()
}

// code waits for the address of the page at which the user enters the code.
func (r *process) code() (page, userCode string) {
	r.t.Helper()
	page = r.says(`To sign in, open\n\n    (\S+)\n\nor, on any device,`)[1]
	u, err := url.Parse(page)
	if err != nil || !strings.Contains(r.said(), "\n    "+u.Query().Get("user_code")+"\n") {
		r.t.Fatalf("%v, no code:\n%s", err, r.said())
	}
	return page, u.Query().Get("user_code")
}

// token is the access token of a run that must succeed.
func (a *account) token() string {
	a.t.Helper()
	out := a.start("token").ends(exitOK)
	token, ok := strings.CutSuffix(out, "\n")
	if !ok || token == "" || strings.ContainsAny(token, " \n") {
		a.t.Fatalf("printed %q", out)
	}
	return token
}

// peer is an authorization server at which a test signs in.
type peer struct {
	config oauth.Config
	// decide is what the user does in a browser at a page: approve or deny.
	decide func(t *testing.T, page, decision string)
	server *authserver.Server // nil if it is not ours
}

const user, password = "demo", "secret"

// ours is the embedded authorization server.
func ours(t *testing.T, change func(*authserver.Config)) peer {
	t.Helper()
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{
		ClientID: "app", RedirectURIs: []string{"http://127.0.0.1/cb", "https://app.example/paste"}, Scope: "profile email",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode},
	})
	if err != nil {
		t.Fatal(err)
	}
	var server *authserver.Server
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	c := authserver.Config{
		Issuer: s.URL, Store: store, Users: map[string]authserver.User{user: {Password: password}}, DeviceInterval: time.Second,
	}
	if change != nil {
		change(&c)
	}
	if server, err = authserver.New(c); err != nil {
		t.Fatal(err)
	}
	return peer{oauth.Config{
		Issuer: s.URL, ClientID: "app", Scope: "profile", RedirectURI: "http://127.0.0.1/cb",
		AuthorizationEndpoint: s.URL + "/authorize", TokenEndpoint: s.URL + "/token", RevocationEndpoint: s.URL + "/revoke",
		DeviceAuthorizationEndpoint: s.URL + "/device_authorization",
	}, func(t *testing.T, page, decision string) { t.Helper(); browse(t, page, decision) }, server}
}

// certified is npm oidc-provider, a certified server of others.
func certified(t *testing.T, options ...string) peer {
	t.Helper()
	const lib = "../../../js/test/lib/"
	beside.Node(t, "../../..")
	cmd := exec.Command("node", append([]string{lib + "oidc-provider.mjs", "--interval", "1", "http://127.0.0.1/cb"}, options...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	issuer := ""
	for lines := bufio.NewScanner(out); issuer == "" && lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "ready: "); ok {
			issuer = url
		}
	}
	if issuer == "" {
		t.Fatal("oidc-provider did not start")
	}
	go io.Copy(io.Discard, out)
	return peer{oauth.Config{
		Issuer: issuer, ClientID: "public", Scope: "openid profile", RedirectURI: "http://127.0.0.1/cb",
	}, func(t *testing.T, page, decision string) {
		t.Helper()
		if out, err := exec.Command("node", lib+"oidc-pages.mjs", decision, page).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}, nil}
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	formInput  = regexp.MustCompile(`<input[^>]* name="([^"]+)"(?:[^>]* value="([^"]*)")?`)
	formButton = regexp.MustCompile(`<button[^>]* name="action" value="([^"]+)"`)
)

// browse goes through the pages of our server, until a redirect leads to an address that one of
// stop accepts.
func browse(t *testing.T, page, decision string, stop ...func(*url.URL) bool) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		for _, there := range stop {
			if there(r.URL) {
				return http.ErrUseLastResponse
			}
		}
		return nil
	}}
	res, err := browser.Get(page)
	for range 6 {
		if err != nil {
			t.Fatal(err)
		}
		body, err2 := io.ReadAll(res.Body)
		res.Body.Close()
		action := formAction.FindSubmatch(body)
		if err2 != nil || action == nil {
			return
		}
		form := url.Values{"action": {decision}}
		for _, input := range formInput.FindAllSubmatch(body, -1) {
			form.Set(string(input[1]), html.UnescapeString(string(input[2])))
		}
		if form.Has("username") {
			form.Set("username", user)
			if form.Get("password") == "" { // the demo fills in its own
				form.Set("password", password)
			}
		}
		if buttons := formButton.FindAllSubmatch(body, -1); len(buttons) == 1 {
			form.Set("action", string(buttons[0][1]))
		}
		next, err2 := res.Request.URL.Parse(html.UnescapeString(string(action[1])))
		if err2 != nil {
			t.Fatal(err2)
		}
		res, err = browser.PostForm(next.String(), form)
	}
	t.Fatal("no end of pages")
}

// arrival approves at our server and returns the address to which the browser is redirected. Nobody
// serves it.
func arrival(t *testing.T, page string) (address *url.URL) {
	t.Helper()
	browse(t, page, "approve", func(to *url.URL) bool {
		if to.Host == "app.example" {
			address = to
		}
		return address != nil
	})
	if address == nil {
		t.Fatal("the browser was sent nowhere")
	}
	return address
}
