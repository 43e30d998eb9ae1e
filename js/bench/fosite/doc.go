// Command fosite measures token endpoints: core/authserver of this project and
// github.com/ory/fosite, in one process or over loopback, where npm oidc-provider is compared, too
// (row 7 of make bench). It is a separate Go module, so that nobody else gets fosite's
// dependencies.
package main
