package wasm

import (
	"fmt"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Limits are the limits of one tenant of a Pool. Zero means the default, which may be no limit.
//
// A minute begins with the first call, and a new one with the first call after it. A tenant that
// exceeds a limit per minute loses its instance for the rest of that minute, but nothing that was
// stored: its clients continue from their Store at their next command. Commands under way fail as
// in a crash, which the mark before a refresh is made for.
type Limits struct {
	// Memory is the most memory of one instance in bytes, in steps of 64 KiB; default 16 MiB. A
	// tenant has one instance, and a second one while sessions leave an instance that has grown
	// beyond 4 MiB. For each different value the module is compiled once more.
	Memory int
	// Call is how long one call into the module may take; default: no limit, because every call
	// ends. See EngineOptions.CallLimit.
	Call time.Duration
	// Sessions is how many sessions may be open at a time; the default and the maximum are 128.
	Sessions int
	// Message is the longest message to the module in bytes, 16 KiB to 1 MiB; default 1 MiB. If a
	// server's answer makes a longer message, that is an error with the code too_large.
	Message int
	// Calls is how many messages the module may get per minute.
	Calls int
	// Effects is how many effects the module may emit per minute: requests, timers, store
	// operations, events and results.
	Effects int
	// Bytes is how many bytes may go into and out of the module per minute, in total.
	Bytes int64
}

// Limit names one of Limits, or the limit of a Pool.
type Limit string

// The limits that a LimitError can name.
const (
	LimitTenants   Limit = "tenants"
	LimitInstances Limit = "instances"
	LimitSessions  Limit = "sessions"
	LimitCalls     Limit = "calls a minute"
	LimitEffects   Limit = "effects a minute"
	LimitBytes     Limit = "bytes a minute"
)

// LimitError means that a tenant reached one of its limits. Errors of clients wrap it.
type LimitError struct {
	Tenant string
	Limit  Limit
	Max    int64
	// Until is when the stop for a limit per minute ends; zero for other limits.
	Until time.Time
}

func (e *LimitError) Error() string {
	text := fmt.Sprintf("oauth2: wasm: tenant %q: more than %d %s", e.Tenant, e.Max, e.Limit)
	if !e.Until.IsZero() {
		text += ", stopped until " + e.Until.UTC().Format(time.RFC3339)
	}
	return text
}

// ClosedError means that a tenant, or its Pool, was closed.
type ClosedError struct{ Tenant string }

func (e *ClosedError) Error() string {
	return fmt.Sprintf("oauth2: wasm: tenant %q is closed", e.Tenant)
}

const leastMessage = 16 << 10

func (l Limits) withDefaults() (Limits, error) {
	if l.Memory == 0 {
		l.Memory = defaultMemory
	}
	if l.Sessions == 0 {
		l.Sessions = crowd
	}
	if l.Message == 0 {
		l.Message = oauth.MaxMessage
	}
	for _, row := range []struct {
		name             string
		value, low, high int64
	}{
		{"Memory", int64(l.Memory), leastMemory, 1 << 32},
		{"Call", int64(l.Call), 0, 1<<63 - 1},
		{"Sessions", int64(l.Sessions), 1, crowd},
		{"Message", int64(l.Message), leastMessage, oauth.MaxMessage},
		{"Calls", int64(l.Calls), 0, 1<<63 - 1},
		{"Effects", int64(l.Effects), 0, 1<<63 - 1},
		{"Bytes", l.Bytes, 0, 1<<63 - 1},
	} {
		if row.value < row.low || row.value > row.high {
			return l, fmt.Errorf("oauth2: wasm: Limits.%s is %d, expected %d to %d", row.name, row.value, row.low, row.high)
		}
	}
	return l, nil
}

// minute counts what is limited per minute.
type minute struct {
	began          time.Time
	calls, effects int
	bytes          int64
}

// roll begins a new minute if the last one is over, or the clock was set back.
func (m *minute) roll(now time.Time) {
	if passed := now.Sub(m.began); passed >= time.Minute || passed < 0 {
		*m = minute{began: now}
	}
}

// over returns the limit that was exceeded.
func (m *minute) over(l Limits) (limit Limit, most int64) {
	switch {
	case l.Calls > 0 && m.calls > l.Calls:
		return LimitCalls, int64(l.Calls)
	case l.Effects > 0 && m.effects > l.Effects:
		return LimitEffects, int64(l.Effects)
	case l.Bytes > 0 && m.bytes > l.Bytes:
		return LimitBytes, l.Bytes
	}
	return "", 0
}
