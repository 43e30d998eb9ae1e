// Command fosite measures token endpoints: core/authserver of this project beside
// github.com/ory/fosite, in one process or over loopback, where npm oidc-provider joins them (row 7
// of make bench). It is a separate Go module, so that no other program gets fosite's dependencies.
package main
