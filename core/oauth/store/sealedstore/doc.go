// Package sealedstore seals what a oauth.Client keeps, so that whoever has the store alone has no
// token and no key: it stands between the client and a shared store, such as those of packages
// redisstore and postgresstore.
//
//	ring, err := bff.ReadRing(os.Getenv("SEAL_KEYS"))
//	client, err := oauth.Open(ctx, engine, config, oauth.Options{Store: sealedstore.New(store, ring)})
//
// Texts are sealed with AES-256-GCM in the form that every host of this project reads
// (core/contract/README.md), for the key that they stand under: the context is "entry " and the
// key. Private keys of sessions (RFC 9449) are kept in the same store, a key NAME under "key NAME"
// with that as its context; the text is its algorithm, a space and the base64 of PKCS #8. So
// programs in Go and in JavaScript (oauth2-wasm/sealed) share sessions. A backend for a frontend
// seals by itself (backend.Options.Ring) and gets the store as it is.
//
// To replace a key of the ring, put the new one behind the old one in every process, then before
// it, and take the old one away when what it sealed is over or was stored anew. A session that
// cannot be unsealed is none: its user signs in again.
package sealedstore
