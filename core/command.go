package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// A command is a command of the host, until the host has its result.
type command struct {
	id   int64
	turn int64 // the input in which it came
	op   string
	job  wire.Job // its requests
	done bool
	// waits means that the command waits for the end of the device flow.
	waits bool
	// then gets the result of a command that did not come from the host.
	then func(ok json.Value, f *link.Fault)
}

// A desk holds the commands that are under way, and returns their results.
type desk struct {
	link     *link.Link
	session  *session.Session
	commands []*command
}

// end returns the command's result, once.
func (d *desk) end(cmd *command, f *link.Fault, write func(*json.Writer)) {
	if cmd.done {
		return
	}
	cmd.done = true
	d.commands = without(d.commands, cmd)
	if cmd.then == nil {
		d.link.Result(cmd.id, f, write)
		return
	}
	w := json.NewWriter()
	w.Open('{')
	if f == nil && write != nil {
		write(w)
	}
	w.Close('}')
	v, _ := json.Parse(w.String())
	cmd.then(v, f)
}

func without(list []*command, cmd *command) []*command {
	for i, other := range list {
		if other != cmd {
			continue
		}
		if len(list) == 1 {
			return nil // so that the old array is not kept in memory
		}
		return append(list[:i:i], list[i+1:]...)
	}
	return list
}

func (d *desk) finish(cmd *command, write func(*json.Writer)) { d.end(cmd, nil, write) }

// fail reports the failure to listeners and ends the command with it.
func (d *desk) fail(cmd *command, f *link.Fault) {
	if cmd.done {
		return
	}
	f.Op = cmd.op
	d.session.ReportOnce(f)
	d.end(cmd, f, nil)
}
