package oauth

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// Event reports a change in a session. It never contains a token or another secret.
type Event struct {
	// Name says what happened; a later engine may add some.
	Name EventName
	// Status is the new status, of events status and changed.
	Status SessionStatus
	// Change is what another client of the same Store did, in the event changed; empty if that is
	// not known.
	Change Change
	// Scope is the granted scope, separated by spaces, in the event granted.
	Scope string
	// ExpiresAt is when the access token expires, in the events granted, about_to_expire and
	// expired; zero if that is not known.
	ExpiresAt time.Time
	// Device is the device flow, in the events device and authorize_with_user_code; the latter has
	// only the codes and URIs. When the flow has ended, an event device comes with an empty one.
	Device *DeviceAuthorization
	// Error is the failure, in the events server_error, request_failed and restarted.
	Error *Error
	// Raw is the whole event from the engine; nil for an event of this package.
	Raw json.RawMessage
}

func readEvent(raw []byte) Event {
	e := Event{Raw: bytes.Clone(raw)}
	r := read(raw)
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "event":
			e.Name = EventName(r.text())
		case "status":
			e.Status = SessionStatus(r.text())
		case "change":
			e.Change = Change(r.text())
		case "scope":
			e.Scope = r.text()
		case "expires_at":
			e.ExpiresAt = atMilli(r.integer())
		case "error":
			e.Error = readError(r)
		default:
			r.raw()
		}
	}
	if e.Name == EventAuthorizeWithUserCode || e.Name == EventDevice {
		e.Device, e.ExpiresAt = &DeviceAuthorization{}, time.Time{}
		e.Device.read(read(raw))
	}
	return e
}

// mailbox calls functions in the order in which they were posted, one at a time. Its goroutine ends
// when none are left.
type mailbox struct {
	mu      sync.Mutex
	letters []func()
	running bool
}

func (m *mailbox) post(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = append(m.letters, f)
	if !m.running {
		m.running = true
		go m.deliver()
	}
}

func (m *mailbox) deliver() {
	for {
		m.mu.Lock()
		if len(m.letters) == 0 {
			m.running = false
			m.mu.Unlock()
			return
		}
		f := m.letters[0]
		m.letters = m.letters[1:]
		m.mu.Unlock()
		f()
	}
}
