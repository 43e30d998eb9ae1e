// Package presets holds the configurations of well-known providers: endpoints, scopes, client
// authentication, where each says who signed in, and where it departs from the RFCs. They are data
// that the engine interprets. presets.json beside this file has notes about each provider.
//
//	config, err := presets.Config("okta", map[string]string{"domain": "dev-1.okta.com"})
//	config.ClientID, config.ClientSecret, config.RedirectURI = id, secret, "https://app.example/cb"
//	client, err := wasm.Open(ctx, config, wasm.Options{})
//
// A preset names no resources: the program decides where else the access token may go.
//
// Most providers take the secret in the body, and their presets say so (TokenEndpointAuthMethod
// client_secret_post). For a client that has no secret, set it to none.
package presets
