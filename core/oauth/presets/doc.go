// Package presets holds the configurations of well-known providers: endpoints, scopes, client
// authentication, where each tells who signed in, and in what it departs from the RFCs. They are
// data, which the engine interprets; presets.json beside this file says of each what is to be
// known.
//
//	config, err := presets.Config("okta", map[string]string{"domain": "dev-1.okta.com"})
//	config.ClientID, config.ClientSecret, config.RedirectURI = id, secret, "https://app.example/cb"
//	client, err := wasm.Open(ctx, config, wasm.Options{})
//
// A preset names no resources: where else the access token may go is for the program to say.
//
// Most providers take the secret in the body, and their presets say so (TokenEndpointAuthMethod
// client_secret_post). For a client that has no secret, set it to none.
package presets
