package pluginhost_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
	"github.com/oauth2-wasm/oauth2-wasm/wasm/examples/pluginhost"
)

// program is the plugin in testdata, built once.
var program = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "plugin")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "plugin.wasm")
	build := exec.Command("go", "build", "-o", file, "./testdata/plugin")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if said, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return os.ReadFile(file)
})

// internet plays an authorization server and two resources. It records requests that have a token.
type internet struct {
	mu   sync.Mutex
	seen []string
}

func (i *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	status, location, body := 200, "", `{"notes":["buy milk"]}`
	switch {
	case r.URL.Host == "as.example":
		body = `{"access_token":"secret-token","token_type":"Bearer","expires_in":3600}`
	case r.URL.Path == "/notes/away":
		status, location = 302, "https://evil.example/take"
	}
	i.seen = append(i.seen, r.URL.Host+r.URL.Path+" "+r.Header.Get("Authorization"))
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}, "Location": {location}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func (i *internet) with(host string) (lines []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, line := range i.seen {
		if strings.HasPrefix(line, host) {
			lines = append(lines, line)
		}
	}
	return lines
}

func newHost(ctx context.Context, net *internet) (*pluginhost.Host, error) {
	return pluginhost.New(ctx, pluginhost.Options{
		HTTP:      net,
		Limits:    wasm.Limits{Memory: 8 << 20, Effects: 1000},
		Providers: providers,
	})
}

var providers = map[string]oauth.Config{"example": {
	ClientID: "host", AuthorizationEndpoint: "https://as.example/authorize", TokenEndpoint: "https://as.example/token", RedirectURI: "https://host.example/cb",
}}

func signIn(ctx context.Context, c *oauth.Client) error {
	begun, err := c.Authorize(ctx, oauth.AuthorizeParams{})
	if err == nil {
		_, err = c.Callback(ctx, "https://host.example/cb?code=c&state="+begun.State)
	}
	return err
}

var notes = pluginhost.Manifest{Name: "notes", Uses: map[string]pluginhost.Use{
	"notes": {Provider: "example", Scope: "notes.read", Resources: []string{"https://api.example/notes"}},
	"files": {Provider: "example", Scope: "files", Resources: []string{"https://files.example/"}},
}}

// A plugin asks for a client by name, and uses it by its handle. The token goes only to the
// resources in its manifest, and the plugin never sees it.
func Example() {
	ctx := context.Background()
	bytes, err := program()
	if err != nil {
		fmt.Println(err)
		return
	}
	host, err := newHost(ctx, &internet{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer host.Close()
	plugin, err := host.Load(ctx, bytes, notes)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := signIn(ctx, plugin.Client("notes")); err != nil {
		fmt.Println(err)
		return
	}
	out, err := plugin.Run(ctx, "notes", "https://api.example/notes/1", "https://evil.example/", "file:///etc/passwd")
	fmt.Print(out)
	if err != nil {
		fmt.Println(err)
	}

	// Output:
	// {"status":200,"headers":{"content-type":"application/json"},"body":"{\"notes\":[\"buy milk\"]}"}
	// {"error":"resource_not_allowed"}
	// {"error":"resource_not_allowed"}
	// files: true sockets: true environment: 0
}

// TestPluginsThatDoNotEnd (M78): a plugin that runs for ever, takes all memory or prints without
// end is stopped, and the host and its other plugins continue.
func TestPluginsThatDoNotEnd(t *testing.T) {
	bytes, err := program()
	if err != nil {
		t.Fatal(err)
	}
	load := func(limit time.Duration) *pluginhost.Plugin {
		t.Helper()
		host, err := pluginhost.New(t.Context(), pluginhost.Options{HTTP: &internet{}, Time: limit, Providers: providers})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { host.Close() })
		plugin, err := host.Load(t.Context(), bytes, notes)
		if err != nil {
			t.Fatal(err)
		}
		return plugin
	}
	hasty, patient := load(time.Second), load(oauthtest.Patience)
	for _, row := range []struct {
		what   string
		plugin *pluginhost.Plugin
		time   bool // it is stopped because of the time
	}{{"loop", hasty, true}, {"hog", patient, false}, {"chat", patient, false}} {
		out, err := row.plugin.Run(t.Context(), row.what)
		if err == nil || errors.Is(err, context.DeadlineExceeded) != row.time || len(out) > 1<<20 {
			t.Errorf("%s: %v, %d bytes", row.what, err, len(out))
		}
	}
	if out, err := patient.Run(t.Context(), "mail"); err != nil || !strings.Contains(out, "environment: 0") {
		t.Errorf("%v, %s", err, out)
	}
}

// TestPlugins (M76, M77): what a plugin can do with its clients, and with what is not its own.
func TestPlugins(t *testing.T) {
	bytes, err := program()
	if err != nil {
		t.Fatal(err)
	}
	net := &internet{}
	host, err := newHost(t.Context(), net)
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	mine, err := host.Load(t.Context(), bytes, notes)
	if err != nil {
		t.Fatal(err)
	}
	other := notes
	other.Name = "other"
	theirs, err := host.Load(t.Context(), bytes, other)
	if err != nil {
		t.Fatal(err)
	}
	if err := signIn(t.Context(), mine.Client("notes")); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		plugin *pluginhost.Plugin
		args   []string
		want   string
	}{
		{"a resource of the manifest", mine, []string{"notes", "https://api.example/notes"}, `"status":200`},
		{"a resource of another client", mine, []string{"notes", "https://files.example/"}, `"resource_not_allowed"`},
		{"a path that is none of it", mine, []string{"notes", "https://api.example/notes-of-others"}, `"resource_not_allowed"`},
		{"a path that leads out of it", mine, []string{"notes", "https://api.example/notes/../admin"}, `"resource_not_allowed"`},
		{"a host that begins like it", mine, []string{"notes", "https://api.example.evil.example/notes"}, `"resource_not_allowed"`},
		{"without TLS", mine, []string{"notes", "http://api.example/notes"}, `"resource_not_allowed"`},
		{"a redirect to elsewhere", mine, []string{"notes", "https://api.example/notes/away"}, `"status":302`},
		{"a client that nobody signed in", mine, []string{"files", "https://files.example/"}, `"not_signed_in"`},
		{"a client that is not in the manifest", mine, []string{"mail", "https://api.example/notes"}, `"no_client"`},
		{"a handle made up", mine, []string{"3", "https://api.example/notes"}, `"no_client"`},
		{"a handle far away", mine, []string{"4294967295", "https://api.example/notes"}, `"no_client"`},
		{"the same name in another plugin", theirs, []string{"notes", "https://api.example/notes"}, `"not_signed_in"`},
		{"the same handle in another plugin", theirs, []string{"2", "https://api.example/notes"}, `"not_signed_in"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			out, err := row.plugin.Run(t.Context(), row.args...)
			if err != nil || !strings.Contains(out, row.want) || strings.Contains(out, "secret-token") {
				t.Errorf("%v: %s", err, out)
			}
			if !strings.Contains(out, "files: true sockets: true environment: 0") {
				t.Errorf("it reached something: %s", out)
			}
		})
	}
	for _, line := range append(net.with("files.example"), net.with("evil.example")...) {
		t.Errorf("asked %s", line)
	}
	for _, line := range net.with("api.example") {
		if !strings.HasPrefix(line, "api.example/notes") || !strings.HasSuffix(line, " Bearer secret-token") {
			t.Errorf("asked %q", line)
		}
	}

	t.Run("one that is closed", func(t *testing.T) {
		mine.Close()
		if used := mine.Metrics(); used.Memory != 0 || used.Sessions != 0 {
			t.Errorf("%+v", used)
		}
		again, err := host.Load(t.Context(), bytes, notes)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := again.Run(t.Context(), "notes", "https://api.example/notes"); err != nil || !strings.Contains(out, `"status":200`) {
			t.Errorf("its session went with it: %v, %s", err, out)
		}
	})
	t.Run("a provider that the host does not have", func(t *testing.T) {
		_, err := host.Load(t.Context(), bytes, pluginhost.Manifest{Name: "x", Uses: map[string]pluginhost.Use{"a": {Provider: "another"}}})
		if err == nil || !strings.Contains(err.Error(), `no provider "another"`) {
			t.Error(err)
		}
	})
}
