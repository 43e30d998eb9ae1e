// Package oauth is an OAuth 2 client for Go programs. It is a host of the client engine: it carries
// out the engine's effects (HTTP, timers, storage, locks, signatures) and offers the result as a
// Client.
//
// The engine is a state machine without I/O: bytes in, bytes out. Package wasm runs it as the
// WebAssembly module that this project ships, which is the usual choice; core.Engine is the same
// engine in native Go. This package knows no rule of OAuth: the engine decides what each request
// contains. core/contract/README.md describes the boundary.
//
//	client, err := wasm.Open(ctx, oauth.Config{…}, wasm.Options{Client: oauth.Options{Store: store}})
//	begun, err := client.Authorize(ctx, oauth.AuthorizeParams{})  // send the user's browser to begun.URL
//	_, err = client.Callback(ctx, r.URL.String())                 // at the redirect URI
//	token, err := client.Token(ctx)                               // whenever one is needed; it is refreshed before it ends
//
// A program without a browser signs in with the device authorization grant:
//
//	device, err := client.DeviceAuthorize(ctx, oauth.DeviceParams{})  // show device.UserCode and device.VerificationURI
//	status, err := client.DeviceWait(ctx)                                 // the user decides on another device
//
// A Client keeps its session in a Store and takes a lock of a Locker before it refreshes. So
// several clients, in one process or in many, can share a session; package filestore has both in a
// directory. A new refresh token is stored before it is used. Other clients learn of a change by
// the event "changed" and by Status: at once if the Store is a Notifier, otherwise when they next
// read the Store. Clients share a session only if Name, issuer and client id are the same.
//
// # Keys and certificates
//
// With Config.DPoP each session has a key of its own in a KeyStore, and access tokens are bound to
// it. Every request carries a proof that is signed with the key (RFC 9449), so a thief cannot use a
// token alone. Transport makes the proofs; a resource refuses the bare token that Token gives.
//
// A client can authenticate without a secret: by a key, Options.ClientKey, with the method
// private_key_jwt (RFC 7523); or by a certificate in the transport of Options.HTTP (RFC 8705):
//
//	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{own}}}
//	config := oauth.Config{TokenEndpointAuthMethod: oauth.AuthTLSClient, …}
//	hands := oauth.Options{HTTP: &http.Client{Transport: transport}}
//	client, err := wasm.Open(ctx, config, wasm.Options{Client: hands})
//
// Private keys may be in a device or a service: this package only asks a crypto.Signer for
// signatures, and the engine never sees a private key.
//
// # What happens when the engine is lost
//
// If an instance of the module traps, it is discarded, and its sessions are opened again from the
// Store. Commands under way fail with ErrInternal, because nobody knows how far they came, and the
// event restarted is sent. No request is repeated. A device flow is restored with polling stopped;
// DeviceResume resumes it. Automatic refresh continues by itself.
package oauth
