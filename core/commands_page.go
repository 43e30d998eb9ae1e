//go:build page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// In oauth2.wasm this replaces the files with the build tag !page, which pages never use. The error
// for a missing feature says which module has it.

const moreOnline = ""

func (c *client) performMore(cmd *command, _ json.Value) {
	if words.Has(moreCommands, cmd.op) {
		c.desk.fail(cmd, link.NotHere("command", cmd.op))
		return
	}
	c.desk.fail(cmd, link.Bad("unknown_command", "command"))
}
