package presets_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
)

func Example() {
	ctx := context.Background()
	config, err := presets.Config("microsoft", map[string]string{"tenant": "9188040d-6c67-4c5b-b112-36a304b66dad"})
	if err != nil {
		fmt.Println(err)
		return
	}
	config.ClientID, config.RedirectURI = "00000000-0000-0000-0000-000000000000", "http://localhost:8085/callback"
	config.TokenEndpointAuthMethod = oauth.AuthNone // a program on the user's machine has no secret

	client, err := oauth.Open(ctx, new(core.Engine), config, oauth.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	begun, err := client.Authorize(ctx, oauth.AuthorizeParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	u, err := url.Parse(begun.URL)
	fmt.Println(u.Host, u.Path, err)
	fmt.Println(u.Query().Get("scope"))

	// Output:
	// login.microsoftonline.com /9188040d-6c67-4c5b-b112-36a304b66dad/oauth2/v2.0/authorize <nil>
	// openid email profile
}
