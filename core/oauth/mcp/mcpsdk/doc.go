// Package mcpsdk lets clients of the MCP SDK for Go, github.com/modelcontextprotocol/go-sdk, get
// their tokens from package mcp: a [Handler] is the SDK's auth.OAuthHandler.
//
//	dir, err := filestore.Open(filepath.Join(config, "my-agent"))
//	client, err := mcp.Open(ctx, new(core.Engine), settings, oauth.Options{Store: dir})
//	signIn := func(ctx context.Context, s *mcp.SignIn) error {
//		return redirect.Complete(ctx, s, redirect.Options{RedirectURI: "http://127.0.0.1/cb"}, browser.OpenURL)
//	}
//	transport := &sdk.StreamableClientTransport{Endpoint: url, OAuthHandler: mcpsdk.New(client, url, signIn)}
//
// Package mcp decides everything, and none of the SDK's own code is used for discovery, client
// identity, registration, scopes, step-up and refreshing. All processes that share the Store share
// the session: one of them signs in, one at a time refreshes, and a process that is killed does not
// damage it.
//
// It is a separate Go module, so that programs without it do not load the SDK.
package mcpsdk
