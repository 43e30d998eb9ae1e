package redirect_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
)

// A program signs its user in with the browser. Package wasm opens such a client with the module.
func ExampleSignIn() {
	server, config := site() // an authorization server at which http://127.0.0.1/cb is registered
	defer server.Close()
	ctx := context.Background()
	client, err := oauth.Open(ctx, new(core.Engine), config, oauth.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	opts := redirect.Options{RedirectURI: "http://127.0.0.1/cb", Done: "You can go back to the program."}
	status, err := redirect.SignIn(ctx, client, opts, func(url string) error {
		// A program would open the user's browser here, or print the URL. This example has a user
		// who allows everything.
		arrived, err := decide(url, "approve")
		if err == nil {
			_, err = http.Get(arrived)
		}
		return err
	})
	fmt.Println(status.Status, status.Scope, err)

	// Output:
	// granted profile <nil>
}
