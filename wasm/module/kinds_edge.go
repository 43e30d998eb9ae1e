//go:build edge

package main

import "github.com/oauth2-wasm/oauth2-wasm/core/bff"

// oauth2-edge.wasm knows the kind "bff" too.
func init() { engine.Kinds = bff.Open }
