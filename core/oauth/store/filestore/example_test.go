package filestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// A program that finds its session again after a restart.
func Example() {
	parent, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(parent)
	dir, err := filestore.Open(filepath.Join(parent, "my-program"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, run := range []string{"first", "second"} {
		client, err := oauth.Open(context.Background(), new(core.Engine), oauth.Config{
			ClientID: "s6BhdRkqt3", TokenEndpoint: "https://as.example/token",
		}, oauth.Options{Store: dir})
		if err != nil {
			fmt.Println(err)
			return
		}
		if run == "first" {
			token := oauth.Token{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer"}
			if _, err := client.SetToken(context.Background(), token); err != nil {
				fmt.Println(err)
			}
		}
		status, err := client.Status(context.Background())
		fmt.Println(run, status.Status, err)
		client.Close()
	}

	// Output:
	// first granted <nil>
	// second granted <nil>
}
