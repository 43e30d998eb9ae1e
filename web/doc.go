// Command web is the demo of this project and its development server: a page that signs in with the
// module, by redirect, in a popup or as a TV does (RFC 8628), and the authorization server and
// protected API it signs in to. It needs only Go.
//
//	go run ./web
//
// The page is at http://localhost:8080/, or the port that PORT names, or the next one that is free.
// The authorization server and the API share another origin, http://127.0.0.1 with a port of its
// own, so that the browser's cross-origin rules apply to everything between the two. Requests are
// pushed (RFC 9126), tokens are bound to a key of the browser's (RFC 9449), and the API requires a
// new sign-in before it returns its secret (RFC 9470). Both listen only on loopback; with -phone,
// only the page on which a phone enters the TV's code is also at an address of the network. Nothing
// is stored: what the server issued ends with it. Other flags change the lifetimes of tokens and
// codes.
//
// With -export DIR it writes the pages as files that any server can serve, also below a path, and
// ends: "Proof" and "Your server" work there, and "Try it" says that it needs this command.
//
// The page and its TypeScript are read from the checkout and bundled when the server starts; start
// it again to see a change.
package main
