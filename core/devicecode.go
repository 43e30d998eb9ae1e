package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	pollInterval = 5_000 // RFC 8628 section 3.2, if the server names none
	slowDown     = 5_000 // RFC 8628 section 3.5
	// longestInterval keeps the sum with a time small enough for the numbers of every host.
	longestInterval = 1 << 50
)

// A device is one device authorization (RFC 8628) that the user may still answer.
type device struct {
	code, userCode, uri, uriComplete string
	requested                        string // scope
	key                              string // to which its tokens will be bound, "" for none
	expiresAt, interval              int64
	polling                          bool
	asking                           bool      // a poll is under way, or its result is being stored
	job                              *wire.Job // the poll's
	lost                             int64     // number of polls in a row without an answer
	at                               int64     // when the last poll was sent
}

const deviceNames = "device_code user_code verification_uri verification_uri_complete"

// readDevice reads the device authorization response (section 3.2).
func readDevice(v json.Value, now int64) (*device, *link.Fault) {
	var oldURI, oldComplete string // names in the drafts, which are still in use
	d := &device{interval: pollInterval}
	v.Texts(deviceNames+" verification_url verification_url_complete", []*string{&d.code, &d.userCode, &d.uri, &d.uriComplete, &oldURI, &oldComplete})
	if d.uri == "" {
		d.uri = oldURI
	}
	if d.uriComplete == "" {
		d.uriComplete = oldComplete
	}
	life, ok := wire.Seconds(v.Get("expires_in"))
	missing := ""
	switch {
	case d.code == "":
		missing = "missing_device_code"
	case d.userCode == "":
		missing = "missing_user_code"
	case d.uri == "":
		missing = "missing_verification_uri"
	case !ok || life < 0:
		missing = "missing_expires_in"
	}
	if missing != "" {
		return nil, &link.Fault{Kind: link.KindToken, Code: missing}
	}
	// Hosts make a link of the URI and show the code, so neither may contain anything harmful.
	if !uri.Linkable(d.uri) || !words.VSChars(d.userCode) || !words.VSChars(d.code) || len(d.code)+len(d.userCode)+len(d.uri)+len(d.uriComplete) > 16<<10 {
		return nil, &link.Fault{Kind: link.KindServer, Code: "bad_device_response"}
	}
	if !uri.Linkable(d.uriComplete) {
		d.uriComplete = ""
	}
	d.expiresAt = now + min(life, longestInterval/1000)*1000
	if s, ok := wire.Seconds(v.Get("interval")); ok && s > 0 {
		d.interval = min(s, longestInterval/1000) * 1000
	}
	return d, nil
}

// write writes the members that the user may see.
func (d *device) write(w *json.Writer) {
	w.MemberStr("user_code", d.userCode)
	w.MemberStr("verification_uri", d.uri)
	w.MemberStrIf("verification_uri_complete", d.uriComplete)
	w.MemberInt("expires_at", d.expiresAt)
	w.MemberInt("interval_ms", d.interval)
	w.MemberBool("polling", d.polling)
}

// encode returns the text for the store.
func (d *device) encode(s *store.Store) string {
	w := s.Begin()
	w.MemberStr("device_code", d.code)
	w.MemberStrIf("requested_scope", d.requested)
	w.MemberStrIf("dpop_key", d.key)
	d.write(w)
	w.Close('}')
	return w.String()
}

// decodeDevice returns nil for a text that is not ours.
func decodeDevice(s *store.Store, text string) *device {
	v, ok := json.Parse(text)
	if !ok || !s.Ours(v) {
		return nil
	}
	d := &device{}
	v.Texts(deviceNames+" requested_scope dpop_key", []*string{&d.code, &d.userCode, &d.uri, &d.uriComplete, &d.requested, &d.key})
	d.expiresAt, _ = v.Get("expires_at").Int()
	d.interval, _ = v.Get("interval_ms").Int()
	d.polling = v.Get("polling").True()
	d.interval, d.expiresAt = min(d.interval, longestInterval), min(d.expiresAt, link.MaxTime)
	if d.code == "" || d.interval < 1 || !uri.Linkable(d.uri) {
		return nil
	}
	return d
}
