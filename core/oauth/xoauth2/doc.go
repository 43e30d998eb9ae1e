// Package xoauth2 hands the session of a oauth.Client to libraries that want golang.org/x/oauth2,
// such as the Google API clients.
//
//	source := xoauth2.TokenSource(ctx, client)
//	api := oauth2.NewClient(ctx, source)
//
// The client refreshes, stores and shares the session as ever; x/oauth2 only gets access tokens.
// What it does with them is its own: oauth2.NewClient keeps a token until 10 s before its end, also
// when the session has meanwhile ended, and sends it wherever a request goes, after a redirect too.
// Client.Transport sends tokens to Config.TokenDestinations only and renews what a server refuses:
// where a library takes any http.Client, prefer that.
package xoauth2
