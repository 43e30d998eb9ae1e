//go:build page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// In oauth2.wasm this replaces the files with the build tag !page, which pages never use. The error
// for a missing feature says which module has it.

func (c *client) signRequest(params []form.Param, done func([]form.Param, *link.Fault)) {
	done(params, nil)
}

func (c *client) expectSigned(a *attempt) *link.Fault { return link.NotHere("response_mode", a.mode) }

func (r *callbackRun) open(string) { r.c.desk.fail(r.cmd, link.NotHere("response_mode", "jwt")) }

const readsPasted = false

func readPasted(string, string) (string, []form.Param, bool) { return "", nil, false }

func openMore(kind string, _ *link.Link, _ json.Value) *link.Fault { return link.NotHere("kind", kind) }
