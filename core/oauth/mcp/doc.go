// Package mcp gets tokens for protected resources that state themselves which authorization server
// issues them. It is the client's side of the authorization of the Model Context Protocol
// 2026-07-28, which builds on RFC 9728, RFC 8414, RFC 7591, RFC 8707 and RFC 9207. It works with
// MCP servers, and with any other resource that has such metadata.
//
//	c, err := mcp.Open(ctx, new(core.Engine), mcp.Config{
//		RedirectURI:    "http://127.0.0.1:8765/callback",
//		ClientID:       "https://app.example/oauth/client.json",
//		ClientMetadata: json.RawMessage(`{"client_name":"Agent"}`),
//	}, oauth.Options{Store: store})
//	httpClient := &http.Client{Transport: c.Transport(nil, signIn)}
//
// No server is asked anything before a resource refuses a request. Each resource has its own client
// (package oauth). All clients share one Store, in which any number of processes find the same
// session: one of them signs in, and one at a time refreshes.
package mcp
