package mcpsdk_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// TestExampleServer (M100): the SDK's own example server with authorization, unmodified, has tokens
// introspected at core/authserver. The adapter signs in, and calls its tool.
func TestExampleServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Site: &site.Site{Issuer: "http://" + listener.Addr().String()}}
	free, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	resource := fmt.Sprintf("http://localhost:%d/mcp", port)

	store := authserver.NewMemoryStore()
	const secret = "a-secret-of-the-resource-server"
	for _, client := range []authserver.Client{
		{ClientID: site.ClientID, RedirectURIs: []string{site.RedirectURI}, Scope: site.Scope, GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken}},
		{ClientID: "example-server", ClientSecret: secret, ResourceServer: true, Resources: []string{resource}},
	} {
		if err := store.AddClient(client); err != nil {
			t.Fatal(err)
		}
	}
	server, err := authserver.New(authserver.Config{
		Issuer: w.Issuer, Store: store, Users: map[string]authserver.User{"demo": {Password: "secret"}},
		Scopes: []authserver.Scope{{Name: site.Scope, Description: "read"}}, Resources: []string{resource},
	})
	if err != nil {
		t.Fatal(err)
	}
	served := &http.Server{Handler: server}
	go served.Serve(listener)
	t.Cleanup(func() { served.Close() })

	program := filepath.Join(t.TempDir(), "example-server")
	var set []string
	for name, value := range map[string]string{"authorizationServer": w.Issuer, "introspectionEndpoint": w.Issuer + "/introspect", "clientID": "example-server", "clientSecret": secret} {
		set = append(set, fmt.Sprintf("-X 'main.%s=%s'", name, value))
	}
	build := exec.Command("go", "build", "-ldflags", strings.Join(set, " "), "-o", program, "github.com/modelcontextprotocol/go-sdk/examples/auth/server")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	example := exec.Command(program, "-port", fmt.Sprint(port))
	if testing.Verbose() {
		example.Stderr = os.Stderr
	}
	if err := example.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		example.Process.Kill()
		example.Wait()
	})
	for end := time.Now().Add(oauthtest.Patience); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(resource)
		if err == nil {
			res.Body.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}

	c, err := mcp.Open(t.Context(), new(core.Engine), mcp.Config{
		RedirectURI: site.RedirectURI, PrivateOrigins: []string{w.Issuer},
		Clients: []oauth.Config{{Issuer: w.Issuer, ClientID: site.ClientID}},
	}, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.Token(t.Context(), resource); !errors.Is(err, mcp.ErrSignIn) {
		t.Fatal("a token before anybody signed in:", err)
	}
	session, err := connect(t, resource, mcpsdk.New(c, resource, w.signIn))
	if err != nil {
		t.Fatal(err)
	}
	res, err := session.CallTool(t.Context(), &sdk.CallToolParams{Name: "echo", Arguments: map[string]any{"input": "hello"}})
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := res.Content[0].(*sdk.TextContent); !ok || text.Text != "hello" {
		t.Error(res.Content)
	}
	if n := w.signIns.Load(); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}
