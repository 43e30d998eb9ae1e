package mcpsdk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// An agent that shares its credential with every other program that uses the directory.
func Example() {
	ctx := context.Background()
	config, err := os.UserConfigDir()
	if err != nil {
		log.Fatal(err)
	}
	dir, err := filestore.Open(filepath.Join(config, "agent"))
	if err != nil {
		log.Fatal(err)
	}
	const redirectURI = "http://127.0.0.1/callback" // on any port
	client, err := mcp.Open(ctx, new(core.Engine), mcp.Config{
		ClientID:       "https://agent.example/oauth/client.json", // if the server supports such documents
		ClientMetadata: json.RawMessage(`{"client_name":"Agent"}`),
		RedirectURI:    redirectURI,
	}, oauth.Options{Store: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	signIn := func(ctx context.Context, needed *mcp.SignIn) error {
		return redirect.Complete(ctx, needed, redirect.Options{RedirectURI: redirectURI}, func(url string) error {
			_, err := fmt.Fprintln(os.Stderr, "Sign in at", url)
			return err
		})
	}
	const server = "https://mcp.example/mcp"
	session, err := sdk.NewClient(&sdk.Implementation{Name: "agent", Version: "1"}, nil).Connect(ctx, &sdk.StreamableClientTransport{
		Endpoint: server, OAuthHandler: mcpsdk.New(client, server, signIn),
	}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
}
