// Package sealedstore encrypts what an oauth.Client stores, so that access to the store alone gives
// no token and no key. It stands between the client and a shared store, such as those of packages
// redisstore and postgresstore.
//
//	ring, err := backend.ReadRing(os.Getenv("SEAL_KEYS"))
//	client, err := oauth.Open(ctx, engine, config, oauth.Options{Store: sealedstore.New(store, ring)})
//
// Texts are sealed with AES-256-GCM in the format of all hosts of this project
// (core/contract/README.md). Each is bound to its key: the context is "entry " and the key. Private
// keys of sessions (RFC 9449) are kept in the same store: key NAME under "key NAME", which is also
// its context; the text is the algorithm, a space and the base64 of PKCS #8. So programs in Go and
// in JavaScript (oauth2-wasm/sealed) can share sessions. A backend for a frontend seals by itself
// (backend.Options.Ring): give it the underlying store.
//
// To rotate the key, first put the new one behind the old one in every process, then in front of
// it. Remove the old one when everything that it sealed has expired or was stored again. If a
// session cannot be unsealed, its user signs in again.
package sealedstore
