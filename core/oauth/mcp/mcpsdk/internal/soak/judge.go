//go:build linux

package main

import (
	"fmt"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
)

// A row is what became of a credential.
type row struct {
	clients                     string
	grace                       time.Duration
	calls, failed               int
	refreshes, resent           int
	kills, stops, fulls, losses int
	signOuts                    int
	caused, replays             int // refresh tokens that came twice, with a cause and without one
}

// good is what we promise.
func (r *row) good() bool {
	return r.calls > 0 && r.refreshes > 0 && r.replays == 0 && r.signOuts <= r.caused && (r.grace == 0 || r.signOuts == 0)
}

const heading = `| credential | grace | calls | refreshes | killed | stopped | disk full | answers lost | signed out | replays with a cause | replays without |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`

func (r *row) line() string {
	name := map[string]string{ours: "ours, in a directory", sdk: "the MCP SDKs' providers, in a shared file"}[r.clients]
	return fmt.Sprintf("| %s | %v | %d | %d | %d | %d | %d | %d | **%d** | %d | **%d** |",
		name, r.grace, r.calls, r.refreshes, r.kills, r.stops, r.fulls, r.losses, r.signOuts, r.caused, r.replays)
}

func (r *row) String() string {
	return fmt.Sprintf("%s, grace %v: %d calls (%d failed), %d refreshes (%d sent again); %d killed, %d stopped, %d times a full disk, %d answers lost; signed out %d times; %d replays with a cause, %d without",
		r.clients, r.grace, r.calls, r.failed, r.refreshes, r.resent, r.kills, r.stops, r.fulls, r.losses, r.signOuts, r.caused, r.replays)
}

// judge reads the server's log beside what was done to the processes.
func (f *fleet) judge() *row {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.row
	answered := map[string][]site.Refresh{} // the answers to a token that gave a new one
	counted := map[string]bool{}
	for _, one := range f.site.Refreshes() {
		r.refreshes++
		before := answered[one.Token]
		switch {
		case one.OK:
			if len(before) > 0 {
				r.resent++
			}
			answered[one.Token] = append(before, one)
		case len(before) == 0 || counted[one.Token]:
			// It is of a credential that ended before.
		default:
			counted[one.Token] = true
			if f.hasCause(before, one.Came) {
				r.caused++
			} else {
				r.replays++
				f.o.tell("a replay without a cause: %v, then %v", before, one)
			}
		}
	}
	return &r
}

// hasCause tells whether one who was answered may not have written it down before the token came
// again.
func (f *fleet) hasCause(answers []site.Refresh, again time.Time) bool {
	within := func(at, from time.Time) bool { return !at.Before(from) && !at.After(again) }
	for _, a := range answers {
		if a.Lost {
			return true
		}
		for _, died := range f.deaths[a.Agent] {
			if within(died, a.Came) {
				return true
			}
		}
		for _, full := range f.full {
			if full.from.Before(again) && (full.to.IsZero() || full.to.After(a.Came)) {
				return true
			}
		}
	}
	return false
}
