//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// helper is a program that another one started, with one token.
func helper(command, argument, in string) (*program, *bytes.Buffer, *int) {
	out, fresh := &bytes.Buffer{}, new(int)
	answer := tokenAnswer{AccessToken: "secret-token", TokenType: "Bearer", ExpiresAt: time.Unix(1_900_000_000, 0), IDToken: "id-token"}
	return &program{
		options: options{command: command, argument: argument, hosts: []string{"git.example", "Other.Example:8443"}, username: "oauth2"},
		source:  fixed{answer: answer, fresh: fresh}, in: strings.NewReader(in), out: out,
	}, out, fresh
}

// TestGitCredential (M85): git gets the token for https at a host that the user named, and for
// nothing else. No input makes the helper print a line that it does not intend.
func TestGitCredential(t *testing.T) {
	const given = "username=oauth2\npassword=secret-token\npassword_expiry_utc=1900000000\n"
	for _, row := range []struct{ name, in, want string }{
		{"a host of the user's", "protocol=https\nhost=git.example\n\n", given},
		{"without an empty line", "protocol=https\nhost=git.example\n", given},
		{"in capitals", "protocol=https\nhost=GIT.Example\n\n", given},
		{"with the usual port", "protocol=https\nhost=git.example:443\n\n", given},
		{"with its port", "protocol=https\nhost=other.example:8443\n\n", given},
		{"with a path", "protocol=https\nhost=git.example\npath=a/b.git\n\n", given},
		{"with the name that goes with it", "protocol=https\nhost=git.example\nusername=oauth2\n\n", given},
		{"what it can do besides", "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example\nwwwauth[]=Basic realm=\"x\"\n\n", given},
		{"as a URL", "url=https://git.example/a/b.git\n\n", given},
		{"lines behind the empty one", "protocol=https\nhost=git.example\n\nhost=evil.example\n", given},

		{"http", "protocol=http\nhost=git.example\n\n", ""},
		{"an http URL", "url=http://git.example/\n\n", ""},
		{"no protocol", "host=git.example\n\n", ""},
		{"another host", "protocol=https\nhost=evil.example\n\n", ""},
		{"a host that ends so", "protocol=https\nhost=evil-git.example\n\n", ""},
		{"a host that begins so", "protocol=https\nhost=git.example.evil.example\n\n", ""},
		{"another port", "protocol=https\nhost=git.example:8443\n\n", ""},
		{"the usual port of a host with another", "protocol=https\nhost=other.example\n\n", ""},
		{"no host", "protocol=https\nhost=\n\n", ""},
		{"nothing", "\n", ""},
		{"a user before the host", "protocol=https\nhost=git.example@evil.example\n\n", ""},
		{"another user", "protocol=https\nhost=git.example\nusername=somebody\n\n", ""},
		{"the last host of two", "protocol=https\nhost=git.example\nhost=evil.example\n\n", ""},
		{"a URL of another host", "protocol=https\nhost=git.example\nurl=https://evil.example/\n\n", ""},

		{"a carriage return", "protocol=https\nhost=git.example\rhost=evil.example\n\n", "refused"},
		{"one at the end of a line", "protocol=https\r\nhost=git.example\r\n\r\n", "refused"},
		{"a zero", "protocol=https\nhost=git.example\x00\n\n", "refused"},
		{"a newline in a URL", "url=https://git.example%0ahost=evil.example/\n\n", "refused"},
		{"an escape", "protocol=https\nhost=git.example\x1b[2J\n\n", "refused"},
		{"no name", "protocol=https\nhost\n\n", "refused"},
		{"too long", "protocol=https\nhost=" + strings.Repeat("a", 2*mostInput) + "\n\n", "refused"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, out, _ := helper("git-credential", "get", row.in)
			err := p.gitCredential(t.Context())
			if row.want == "refused" {
				if exitStatus(err) != exitUsage || out.String() != "" {
					t.Errorf("%v, %q", err, out)
				}
				return
			}
			if err != nil || out.String() != row.want {
				t.Errorf("%v, %q", err, out)
			}
		})
	}
	for _, token := range []string{"a\nusername=evil", "a\rb", "a b", "a\x00", "ä"} {
		p, out, _ := helper("git-credential", "get", "protocol=https\nhost=git.example\n\n")
		p.source = fixed{answer: tokenAnswer{AccessToken: token}}
		if err := p.gitCredential(t.Context()); err == nil || out.String() != "" {
			t.Errorf("token %q: %v, %q", token, err, out)
		}
	}
	for _, row := range []struct {
		name, in string
		fresh    int
	}{
		{"the token was refused", "protocol=https\nhost=git.example\nusername=oauth2\npassword=secret-token\n\n", 1},
		{"an older one was", "protocol=https\nhost=git.example\nusername=oauth2\npassword=old\n\n", 0},
		{"that of another host", "protocol=https\nhost=evil.example\nusername=oauth2\npassword=secret-token\n\n", 0},
	} {
		p, out, fresh := helper("git-credential", "erase", row.in)
		if err := p.gitCredential(t.Context()); err != nil || *fresh != row.fresh || out.String() != "" {
			t.Errorf("%s: %v, %d fresh, %q", row.name, err, *fresh, out)
		}
	}
	p, out, _ := helper("git-credential", "store", "protocol=https\nhost=git.example\nusername=u\npassword=p\n\n")
	if err := p.gitCredential(t.Context()); err != nil || out.String() != "" {
		t.Errorf("store: %v, %q", err, out)
	}
}

// TestGit (M85): git itself gets the token with `git credential fill`, and asks the next helper for
// other hosts.
func TestGit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("make setup installs git: ", err)
	}
	a := signIn(t, ours(t, nil))
	fill := func(in string) string {
		cmd := exec.Command("git", "-c", "credential.helper=", "-c", "credential.helper=!'"+binary+"' -dir '"+a.dir+"' -host git.example git-credential",
			"-c", "credential.helper=!echo username=next; echo password=helper; :", "credential", "fill")
		cmd.Stdin = strings.NewReader(in)
		cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "HOME="+t.TempDir())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if out := fill("protocol=https\nhost=git.example\n\n"); !strings.Contains(out, "\npassword="+a.token()+"\n") {
		t.Error(out)
	}
	if out := fill("protocol=https\nhost=evil.example\n\n"); !strings.Contains(out, "\npassword=helper\n") || strings.Contains(out, a.token()) {
		t.Error(out)
	}
}

// TestDockerCredential (M86): docker gets the token for a registry that the user named, over https,
// in docker's format.
func TestDockerCredential(t *testing.T) {
	for _, row := range []struct{ name, in, host, want string }{
		{"a host", "git.example\n", "git.example", "secret-token"},
		{"a URL", "https://git.example/v1/", "https://git.example/v1/", "secret-token"},
		{"with its port", "other.example:8443", "other.example:8443", "secret-token"},
		{"another host", "evil.example", "", notFound},
		{"http", "http://git.example", "", notFound},
		{"a host that ends so", "evil-git.example", "", notFound},
		{"a user before the host", "https://git.example@evil.example/", "", ""},
		{"two lines", "git.example\nevil.example", "", ""},
		{"nothing", "", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, out, _ := helper("docker-credential", "get", row.in)
			err := p.dockerCredential(t.Context())
			if row.host == "" {
				if err == nil || strings.TrimSpace(out.String()) != row.want {
					t.Errorf("%v, %q", err, out)
				}
				return
			}
			var got struct{ ServerURL, Username, Secret string }
			if jsonErr := json.Unmarshal(out.Bytes(), &got); err != nil || jsonErr != nil || got.ServerURL != row.host || got.Username != "oauth2" || got.Secret != row.want {
				t.Errorf("%v, %s", err, out)
			}
		})
	}
	p, out, _ := helper("docker-credential", "list", "")
	if err := p.dockerCredential(t.Context()); err != nil || out.String() != `{"https://Other.Example:8443":"oauth2","https://git.example":"oauth2"}`+"\n" {
		t.Errorf("list: %v, %s", err, out)
	}
}

// TestDockerHelper (M86): a link with docker's name for helpers works as a helper, with the hosts
// in the file.
func TestDockerHelper(t *testing.T) {
	t.Parallel()
	a := signIn(t, ours(t, nil))
	// Docker passes no flags, so everything is in the default file.
	home := filepath.Join(t.TempDir(), "oauth2-wasm")
	if err := os.Rename(a.dir, home); err != nil {
		t.Fatal(err)
	}
	a.dir = home
	raw, err := os.ReadFile(filepath.Join(home, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw = append([]byte(`{"hosts":["registry.example"],`), raw[1:]...)
	if err := os.WriteFile(filepath.Join(home, "config.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "docker-credential-oauth2-token")
	if err := os.Symlink(binary, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(link, "get")
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Dir(home), "HOME="+filepath.Dir(home))
	cmd.Stdin = strings.NewReader("registry.example")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), `"Secret":"`+a.token()+`"`) {
		t.Errorf("%v, %s", err, out)
	}
}

// TestExecCredential (M87): kubectl gets an ExecCredential in the version that it asks for, with
// the access token or the ID token; and for the clusters of -host only, if it names the cluster.
func TestExecCredential(t *testing.T) {
	const v1 = `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"secret-token","expirationTimestamp":"2030-03-17T17:46:40Z"}}`
	for _, row := range []struct {
		name, info string
		idToken    bool
		want       string
	}{
		{"without a word", "", false, v1},
		{"v1", `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false}}`, false, v1},
		{"v1beta1", `{"apiVersion":"client.authentication.k8s.io/v1beta1","spec":{}}`, false, strings.Replace(v1, "/v1", "/v1beta1", 1)},
		{"the ID token", "", true, strings.Replace(v1, "secret-token", "id-token", 1)},
		{"a cluster of the user's", `{"apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://other.example:8443/k8s"}}}`, false, v1},
		{"another cluster", `{"apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"https://evil.example"}}}`, false, ""},
		{"a cluster without TLS", `{"apiVersion":"client.authentication.k8s.io/v1","spec":{"cluster":{"server":"http://git.example"}}}`, false, ""},
		{"a version that nobody knows", `{"apiVersion":"client.authentication.k8s.io/v9"}`, false, ""},
		{"no JSON", "{", false, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Setenv("KUBERNETES_EXEC_INFO", row.info)
			p, out, _ := helper("exec-credential", "", "")
			p.idToken = row.idToken
			err := p.execCredential(t.Context())
			if row.want == "" {
				if exitStatus(err) != exitUsage || out.String() != "" {
					t.Errorf("%v, %s", err, out)
				}
				return
			}
			if err != nil || strings.TrimSpace(out.String()) != row.want {
				t.Errorf("%v, %s", err, out)
			}
		})
	}
	p, out, _ := helper("exec-credential", "", "")
	p.source = fixed{err: &oauth.Error{Kind: "client", Code: "not_signed_in"}}
	if err := p.execCredential(t.Context()); exitStatus(err) != exitNotSignedIn || out.String() != "" {
		t.Errorf("%v, %s", err, out)
	}
}

// TestKubectl (M87): kubectl itself gets the token, and sends it to the cluster that the user
// named.
func TestKubectl(t *testing.T) {
	t.Parallel()
	programs(t, "kubectl")
	a := signIn(t, ours(t, nil))
	var mu sync.Mutex
	var carried []string
	cluster := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		carried = append(carried, r.Header.Get("Authorization"))
		io.WriteString(w, `{"major":"1"}`)
	}))
	defer cluster.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cluster.Certificate().Raw})
	ask := func(host string) (string, error) {
		// A kubeconfig may be JSON. Old and new kubectl know v1beta1.
		config, err := json.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Config", "current-context": "c",
			"clusters": []any{map[string]any{"name": "c", "cluster": map[string]any{"server": cluster.URL, "certificate-authority-data": authority}}},
			"contexts": []any{map[string]any{"name": "c", "context": map[string]any{"cluster": "c", "user": "u"}}},
			"users": []any{map[string]any{"name": "u", "user": map[string]any{"exec": map[string]any{
				"apiVersion": "client.authentication.k8s.io/v1beta1", "command": binary, "args": []string{"-dir", a.dir, "-host", host, "exec-credential"},
				"interactiveMode": "Never", "provideClusterInfo": true,
			}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		home := t.TempDir()
		if err := os.WriteFile(filepath.Join(home, "kubeconfig"), config, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("kubectl", "--kubeconfig", filepath.Join(home, "kubeconfig"), "get", "--raw", "/version")
		cmd.Env = append(os.Environ(), "HOME="+home)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := ask("evil.example"); err == nil || !strings.Contains(out, "is not one of -host") || len(carried) > 0 {
		t.Errorf("%v, %s, %q", err, out, carried)
	}
	if out, err := ask(strings.TrimPrefix(cluster.URL, "https://")); err != nil || out != `{"major":"1"}` || len(carried) == 0 {
		t.Errorf("%v, %s, %q", err, out, carried)
	}
	for _, header := range carried {
		if header != "Bearer "+a.token() {
			t.Errorf("it sent %q", header)
		}
	}
}

// TestHosts (M85): valid values of -host.
func TestHosts(t *testing.T) {
	for _, row := range []struct {
		host string
		good bool
	}{
		{"git.example", true}, {"git.example:8443", true}, {"localhost", true}, {"[::1]:8443", true},
		{"https://git.example", false}, {"git.example/path", false}, {"*.example", false}, {"", false}, {"u@git.example", false}, {"a b", false}, {"git.example\n", false},
	} {
		_, err := parseArgs("oauth2-token", []string{"-dir", t.TempDir(), "-client-id", "a", "-issuer", "https://as.example", "-host", row.host, "git-credential", "get"}, func(string) string { return "" })
		if (err == nil) != row.good {
			t.Errorf("%q: %v", row.host, err)
		}
	}
}
