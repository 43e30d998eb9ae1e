// Package mcp gets tokens for protected resources that say themselves where these come from: the
// client's side of the authorization of the Model Context Protocol of 2026-07-28, which stands on
// RFC 9728, RFC 8414, RFC 7591, RFC 8707 and RFC 9207. It is for MCP servers, and for any other
// resource with such metadata.
//
//	c, err := mcp.Open(ctx, new(core.Engine), mcp.Config{
//		RedirectURI:    "http://127.0.0.1:8765/callback",
//		ClientID:       "https://app.example/oauth/client.json",
//		ClientMetadata: json.RawMessage(`{"client_name":"Agent"}`),
//	}, oauth.Options{Store: store})
//	httpClient := &http.Client{Transport: c.Transport(nil, signIn)}
//
// Nothing is asked of a server before a resource refuses a request. Each resource has a client of
// its own (package oauth), and all of them share one Store, in which any number of processes find
// the same session: one of them signs in, one at a time refreshes.
package mcp
