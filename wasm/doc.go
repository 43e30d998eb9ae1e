// Package wasm runs the OAuth 2 client that stands in oauth2-full.wasm, the module embedded here,
// on wazero: a WebAssembly runtime in Go, without cgo. The same bytes run in browsers and in
// workers.
//
// Open is the short way to a client. An Engine from New is for programs that open many: the module
// is compiled once, its code kept in the user's cache directory (see EngineOptions.CacheDir), an
// instance costs about a tenth of a millisecond and 128 KiB.
//
// The module imports nothing, so it can reach nothing: neither clock nor network nor files, only
// what package oauth hands it. Each instance has a limit of memory, and each call one of time where
// that is asked for. Sessions in one Engine may share an instance.
//
// # Plugin hosts
//
// A Pool is for a host whose tenants do not trust each other: each has an instance, hard limits,
// metrics and an end of its own. A limit of a minute that is passed stops the tenant with a
// *LimitError and signs nobody out. NewEdge and PoolOptions.Edge run the second module. The example
// in examples/pluginhost gives plugins of third parties a client: they ask by handle, and never
// hold a token.
package wasm
