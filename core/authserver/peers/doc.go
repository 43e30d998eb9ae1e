// Package peers has other people's MCP clients and servers use core/authserver, over loopback: the
// MCP SDK for Go. It is a Go module of its own, so that nobody else loads what it stands on.
package peers
