// Package xoauth2 makes a token source of an oauth.Client, for libraries that want
// golang.org/x/oauth2, such as the Google API clients.
//
//	source := xoauth2.TokenSource(ctx, client)
//	api := oauth2.NewClient(ctx, source)
//
// The client refreshes, stores and shares the session as usual; x/oauth2 only gets access tokens.
// Note what it does with them: oauth2.NewClient keeps a token until 10 s before its expiry, even if
// the session has ended meanwhile, and sends it with every request, also after a redirect.
// Client.Transport sends tokens only to Config.TokenDestinations and renews one that a server
// refuses. If a library takes any http.Client, prefer Client.Transport.
package xoauth2
