// Package oauth is the host in Go of the client engine: it carries out the engine's effects (HTTP,
// timers, storage, locks, signatures) and offers what comes of it as a Client.
//
// The engine is a sans-I/O state machine in bytes, an Engine. Package wasm has it as the
// WebAssembly module that this project ships, which is the usual choice; core.Engine is the same in
// native Go. This package knows neither of them, and no rule of OAuth: whatever a request holds,
// the engine decided. The boundary between the two stands in core/contract/README.md.
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
// A Client keeps its session in a Store and refreshes under a lock of a Locker, so that several
// clients, in one process or in many, can share a session; package filestore has both in a
// directory. A new refresh token is stored before it is used. What one client does, Status of the
// others says, and an event "changed": at once where the Store is a Notifier, otherwise when the
// Store is read next. Clients of one Name meet in a Store only where issuer and client id are the
// same too.
//
// # Keys and certificates
//
// Whoever steals an access token cannot use it where it is bound to a key: with Config.DPoP each
// session has its own, in a KeyStore, and every request goes out with a proof of its own (RFC
// 9449). Transport makes them; the bare token of Token is of no use then.
//
// A client proves who it is without a secret by a key, Options.ClientKey, with the method
// private_key_jwt (RFC 7523), or by a certificate that is in the transport of Options.HTTP (RFC
// 8705):
//
//	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{own}}}
//	config := oauth.Config{TokenEndpointAuthMethod: oauth.AuthTLSClient, …}
//	hands := oauth.Options{HTTP: &http.Client{Transport: transport}}
//	client, err := wasm.Open(ctx, config, wasm.Options{Client: hands})
//
// Private keys may be in a device or a service: the engine never sees one, and this package asks a
// crypto.Signer for signatures only.
//
// # What happens when the engine is lost
//
// An instance of the module that traps is given up. Its sessions are opened anew from the Store;
// commands under way fail with ErrInternal, since nobody knows how far they came, and the event
// restarted tells of it. Nothing is sent twice on its account. A device flow comes back with its
// polling stopped, and DeviceResume goes on with it; automatic refresh goes on by itself.
package oauth
