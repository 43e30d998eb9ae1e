// Package peers tests core/authserver with MCP clients and servers of others, over loopback: the
// MCP SDK for Go. It is a separate Go module, so that other modules do not load its dependencies.
package peers
