//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
)

// A row is the result for a credential.
type row struct {
	clients                     string
	grace                       time.Duration
	calls, failed               int
	refreshes, resent           int
	kills, stops, fulls, losses int
	signOuts                    int
	caused, replays             int // refresh tokens that were used twice, with a cause and without one
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

// judge compares the server's log with what was done to the processes.
func (f *fleet) judge() *row {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.row
	answered := map[string][]site.Refresh{} // the answers to a token with a new token
	counted := map[string]bool{}
	// In the order in which the server carried them out.
	all := f.site.Refreshes()
	slices.SortFunc(all, func(a, b site.Refresh) int { return a.Answered.Compare(b.Answered) })
	for _, one := range all {
		r.refreshes++
		before := answered[one.Token]
		switch {
		case one.OK:
			if len(before) > 0 {
				r.resent++
			}
			answered[one.Token] = append(before, one)
		case len(before) == 0 || counted[one.Token]:
			// It belongs to a credential that ended before.
		default:
			counted[one.Token] = true
			if f.hasCause(before, one) {
				r.caused++
			} else {
				r.replays++
				f.o.tell("a replay without a cause: %v, then %v", before, one)
			}
		}
	}
	return &r
}

// hasCause reports whether there is an excuse for a token that was sent again: a process that got
// the answer may not have stored it yet, or the one that sent the token again had died meanwhile,
// so that another one continued.
func (f *fleet) hasCause(answers []site.Refresh, again site.Refresh) bool {
	died := func(one site.Refresh) bool {
		return slices.ContainsFunc(f.deaths[one.Agent], func(at time.Time) bool { return !at.Before(one.Came) && !at.After(again.Answered) })
	}
	full := func(one site.Refresh) bool {
		return slices.ContainsFunc(f.full, func(s span) bool {
			return s.from.Before(again.Answered) && (s.to.IsZero() || s.to.After(one.Came))
		})
	}
	return died(again) || slices.ContainsFunc(answers, func(a site.Refresh) bool { return a.Lost || died(a) || full(a) })
}
