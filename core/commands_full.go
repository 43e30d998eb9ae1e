//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/mcp"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// These commands are for servers, terminals and plugin hosts. The build tag page excludes them;
// commands_page.go replaces this file.

// moreOnline are the commands of moreCommands that need the server's metadata.
const moreOnline = moreCommands

// moreVerbs carry out moreCommands, in the same order.
var moreVerbs []verb

func init() {
	moreVerbs = []verb{
		(*client).clientCredentials, (*client).tokenExchange, (*client).jwtBearer, (*client).introspect, (*client).register, (*client).extend, (*client).logoutToken, (*client).grant, (*client).crossAppAccess,
	}
}

// openMore opens a session of a kind that oauth2.wasm lacks.
func openMore(kind string, l *link.Link, in json.Value) *link.Fault {
	if kind == "mcp" {
		return mcp.Open(l, in)
	}
	return openContract(l)
}

func (c *client) performMore(cmd *command, in json.Value) {
	if i := words.Nth(moreCommands, cmd.op); i >= 0 {
		moreVerbs[i](c, cmd, in)
		return
	}
	c.desk.fail(cmd, link.Bad("unknown_command", "command"))
}
