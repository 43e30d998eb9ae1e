//go:build edge

package main

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

// oauth2-edge.wasm also has the kinds "bff" and "resource".
func init() { engine.Kinds = core.Either(bff.Open, resource.Open) }
