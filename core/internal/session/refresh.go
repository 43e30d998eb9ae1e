package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A refreshRun refreshes the access token (RFC 6749 section 6) or adopts the tokens of another
// instance. There is one at a time; commands that come meanwhile wait for it. It goes on even if
// nobody waits any more: its answer may be the only copy of a new token. Its methods are the steps
// in their order:
//
//	locked      nobody else changes the session
//	discovered  the server's endpoints are known
//	looked      what is stored is adopted; unless that is newer, its refresh token is marked as being sent
//	marked      the mark is stored
//	send        the request goes out
//	answered    and comes back: read, or failed
//	accept      what came is valid; where an ID token has to be verified first: succeeded, identified
//	hold        it is stored: met where somebody else wrote, stored
//	end         whoever waits hears of it
//
// If the process dies after marked, the mark tells the next run: it sends the token once more
// within RetryWindow, and after that ends with outcome_unknown. Without a lock, another one's fresh
// mark means refresh_in_progress.
type refreshRun struct {
	session   *Session
	target    string // what another access token is for: a resource, a space and a scope; "" for the session's own
	lock      *Lock
	change    store.Change // that is under way
	job       wire.Job
	had       *Tokens           // the session's tokens at the start
	mark      string            // the tried_by that this run has written, "" before
	sent      string            // the refresh token that is sent
	resent    bool              // it was sent before this request, by us or by an instance that did not get the answer
	ungranted bool              // the answer gave the session itself no access token, but perhaps a refresh token
	fault     *link.Fault       // the reason
	other     *Tokens           // the access token for the target
	answer    *Tokens           // whose ID token is verified
	before    *Tokens           // the session's tokens when the answer came
	written   *Tokens           // what is being stored
	then      func(*link.Fault) // after that
}

// Refresh begins a refresh for the target, or waits for the one under way. All targets use one
// refresh token, so one waits for another.
func (s *Session) Refresh(target string, done func(*link.Fault)) {
	if s.renewing {
		if asked := done; s.renewed != target {
			done = func(*link.Fault) { s.Refresh(target, asked) }
		}
		s.waiting = append(s.waiting, done)
		return
	}
	if _, polling := s.device(); polling {
		done(s.Refreshable())
		return
	}
	r := &refreshRun{session: s, target: target, had: s.Tokens}
	r.change = store.Change{Store: s.store, Key: s.key, Version: &s.version, Tries: store.MaxTries, Text: r.text, Met: r.looked, Done: r.marked}
	s.renewing, s.renewed, s.waiting = true, target, append(s.waiting, done)
	s.alone(r.locked)
}

func (r *refreshRun) locked(l *Lock, f *link.Fault) {
	r.lock = l
	if f != nil {
		r.end(f)
		return
	}
	r.session.issuer.Discovered(r.discovered)
}

func (r *refreshRun) discovered(f *link.Fault) {
	if f != nil {
		r.end(f)
		return
	}
	r.change.Look()
}

func (r *refreshRun) looked(value, version, unread string) bool {
	s := r.session
	had := s.For(r.target)
	changed := s.adoptStored(value, version, unread)
	t, now := s.Tokens, s.For(r.target)
	if unread != "" && !s.onlyHere() {
		// Without reading the store, we might send a token that another instance has used up.
		r.end(StorageFault(unread))
		return false
	}
	// A mark alone does not make a session newer.
	if changed && !now.sameToken(had) && s.usable(now) {
		r.end(nil)
		return false
	}
	if f := s.Refreshable(); f != nil {
		if changed && t.Access == "" {
			f.Code = "signed_out" // in another instance
		}
		r.end(f)
		return false
	}
	if age := s.link.Now - t.triedAt; !r.lock.held && t.sentAt != 0 && t.triedBy != s.marked && age > -2*wire.RequestTimeout && age < 2*wire.RequestTimeout {
		// There is no lock, so the instance that set the mark may be sending at this moment.
		r.end(&link.Fault{Kind: link.KindClient, Code: "refresh_in_progress", Retryable: true})
		return false
	}
	if r.mark == "" || r.mark != t.triedBy { // else only the store's answer was lost
		r.resent = t.sentAt != 0
	}
	if r.resent && s.tooLate(t) {
		r.end(outcomeUnknown())
		return false
	}
	if !r.resent {
		t.sentAt = s.link.Now
	}
	t.triedAt, t.triedBy = s.link.Now, s.link.Random("mark", 11)
	s.marked, r.mark = t.triedBy, t.triedBy
	r.sent = t.Refresh
	return true
}

func (r *refreshRun) text() string { return r.session.encode(r.session.Tokens) }

// marked also goes on if the mark could not be stored, unless somebody else keeps writing.
func (r *refreshRun) marked(failed string) {
	switch {
	case failed == "":
		r.session.written(r.session.version)
	case store.Conflict(failed):
		r.end(StorageFault("conflict"))
		return
	}
	r.send()
}

func (r *refreshRun) send() {
	s := r.session
	s.SetStatus(refreshing)
	params := []form.Param{{Name: "grant_type", Value: "refresh_token"}, {Name: "refresh_token", Value: s.Tokens.Refresh}}
	resource, scope := words.Cut(r.target)
	if r.target == "" && s.config.RefreshScope {
		scope = s.Tokens.Requested
	}
	if scope != "" { // not more than was granted (RFC 6749 section 6); the server checks that
		params = append(params, form.Param{Name: "scope", Value: scope})
	}
	resources := s.config.Resources
	if resource != "" {
		resources = []form.Param{{Name: "resource", Value: resource}}
	}
	s.TokenRequest(&r.job, config.StageRefresh, s.refreshEndpoint(), s.Tokens.Key, append(params, resources...), r.answered)
}

func (r *refreshRun) answered(v json.Value, f *link.Fault) {
	s := r.session
	if f == nil {
		r.read(v)
		return
	}
	// A proof counts once. If it is refused, the network may have delivered the request twice, and
	// the first one was carried out.
	f.Unknown = f.Unknown || f.Err == "invalid_dpop_proof"
	if f.Dead = s.config.DeadToken(f); f.Dead {
		f.Retryable, f.RetryAfter = false, 0 // whatever the HTTP status says
	}
	s.Redact(f) // while the token that it may repeat is still known
	r.failed(f)
}

// read reads a successful answer. Even if its other tokens cannot be used, its refresh token is
// kept, because the old one is used up.
func (r *refreshRun) read(v json.Value) {
	s := r.session
	old := s.Tokens
	if r.target != "" {
		_, scope := words.Cut(r.target)
		if scope == "" {
			scope = old.Scope
		}
		old = &Tokens{Key: old.Key, Refresh: old.Refresh, Requested: scope, target: r.target}
	}
	t, f := s.ReadTokens(v, old, false)
	if f == nil {
		f = t.TooLarge()
	}
	if f == nil {
		r.accept(t)
		return
	}
	if next := v.Get("refresh_token").Str(); next != "" && len(next) <= maxTokens/4 {
		s.link.Own(&next)
		r.fault = f
		r.keepSuccessor(next, r.rescued)
		return
	}
	f.Unknown = true // it was carried out, and nothing of the answer can be used
	r.failed(f)
}

func (r *refreshRun) failed(f *link.Fault) {
	s := r.session
	switch {
	case f.Unknown && !r.resent && f.RetryAfter == 0 && s.config.RetryWindow > 0 && s.link.Now-s.Tokens.sentAt <= s.config.RetryWindow:
		// We still hold the lock, or without one our mark is fresh: nobody else sent the token
		// meanwhile.
		r.resent = true
		r.send()
	case f.Dead:
		r.refused(f)
	case f.Unknown:
		r.end(f)
	default:
		// The request did not arrive, or the server refused it: the token was surely not used.
		if !r.resent {
			s.Tokens.clearMark()
		}
		s.Save(func() { r.end(f) })
	}
}

// refused handles an invalid refresh token: it deletes the token, and after an unknown outcome ends
// the whole session.
func (r *refreshRun) refused(f *link.Fault) {
	s := r.session
	s.Tokens.clearMark()
	s.Tokens.Refresh = ""
	key := s.Tokens.Key
	if r.resent {
		f.Code = "outcome_lost"
		s.Tokens = &Tokens{}
	}
	s.Save(func() {
		if s.Tokens.Key != key || s.Tokens.Access == "" && s.Tokens.Refresh == "" {
			s.wire.DropKey(key)
		}
		r.end(f)
	})
}

// accept holds the tokens of a valid answer. An ID token has to be verified first, but the refresh
// token is stored at once, because the old one is used up.
func (r *refreshRun) accept(t *Tokens) {
	s := r.session
	if r.target != "" { // the access token is for the target, the refresh token belongs to the session
		next := t.Refresh
		t.Refresh, t.IDToken, t.extra = "", "", nil
		r.other = t
		r.keepSuccessor(next, r.end)
		return
	}
	if s.config.JWKS == "" && !s.config.IDTokenOff {
		t.IDToken = s.Tokens.IDToken
	}
	if t.IDToken == s.Tokens.IDToken || s.config.IDTokenOff {
		r.hold(t, r.end)
		return
	}
	r.answer, r.before = t, s.Tokens
	r.keepSuccessor(t.Refresh, r.succeeded)
}

// keepSuccessor takes only the refresh token from an answer, and the access token for another
// target.
func (r *refreshRun) keepSuccessor(next string, then func(*link.Fault)) {
	r.ungranted = true
	kept := r.session.after(r.session.Tokens)
	kept.Refresh = next
	if r.other != nil {
		kept.put(r.other)
	}
	r.hold(kept, then)
}

// rescued ends a refresh of which only the new refresh token could be used.
func (r *refreshRun) rescued(f *link.Fault) {
	if f == nil {
		f = r.fault
	}
	r.end(f)
}

func (r *refreshRun) succeeded(f *link.Fault) {
	if f != nil || r.session.Tokens != r.written { // somebody else stored something newer
		r.end(f)
		return
	}
	r.session.identify(r.answer, r.before, issuer.Expected{MaxAge: -1, Later: true}, r.identified)
}

func (r *refreshRun) identified(f *link.Fault) {
	t := r.answer
	if f == nil {
		f = t.TooLarge()
	}
	if f != nil && (f.Kind == link.KindIDToken || f.Code == "too_large") {
		r.end(f)
		return
	}
	if f != nil {
		// The keys cannot be fetched: keep the old ID token and claims.
		t.IDToken, t.Claims = r.before.IDToken, r.before.Claims
	}
	r.ungranted = false
	r.hold(t, r.end)
}

// hold stores the new tokens, and then they are granted. If somebody else wrote in between, theirs
// is newer: a sign-in is adopted, and a sign-out ends this session, too.
func (r *refreshRun) hold(t *Tokens, then func(*link.Fault)) {
	s := r.session
	r.written, r.then = t, then
	r.change = store.Change{Store: s.store, Key: s.key, Version: &s.version, Tries: store.MaxTries + 1, Text: func() string { return s.encode(t) }, Met: r.met, Done: r.stored}
	r.change.Write()
}

func (r *refreshRun) met(value, version, unread string) bool {
	s := r.session
	theirs, _, ok := s.decode(value)
	switch {
	case unread != "" || !ok:
		r.stored("conflict")
	case theirs.Refresh == r.sent && r.change.Tries > 0:
		// This is not newer: it is another instance's mark on the token whose successor we have.
		s.version = version
		return true
	case value == "":
		s.lose(version)
		s.RevokeToken(&wire.Job{}, r.written.Refresh, "refresh_token", func(*link.Fault) {
			r.then(&link.Fault{Kind: link.KindClient, Code: "signed_out"})
		})
	default:
		s.adoptTheirs(theirs, version)
		r.then(nil)
	}
	return false
}

// stored sets the status granted for a new access token. An answer of which only the refresh token
// could be used brought none.
func (r *refreshRun) stored(failed string) {
	r.session.adopt(r.written, r.session.version, failed)
	if !r.ungranted {
		r.session.grant(false)
	}
	r.then(nil)
}

func (r *refreshRun) end(f *link.Fault) {
	s := r.session
	r.lock.unlock()
	if s.Status == refreshing || s.Tokens.Access == "" {
		s.Settle()
	}
	waiting := s.waiting
	s.renewing, s.waiting = false, nil
	if f != nil && f.RetryAfter > 0 {
		s.retryAt = s.link.Now + f.RetryAfter
	}
	if f == nil && r.target == "" || !s.Tokens.sameToken(r.had) {
		s.arm(false)
	} else if s.expiry.N == 0 {
		s.awaitEnd()
	}
	r.lock.release()
	for _, w := range waiting {
		w(f)
	}
}

// tooLate reports whether a refresh token whose answer was lost must not be sent again.
func (s *Session) tooLate(t *Tokens) bool {
	return s.config.RetryWindow == 0 || s.link.Now-t.sentAt > s.config.RetryWindow
}

func outcomeUnknown() *link.Fault {
	return &link.Fault{Kind: link.KindNetwork, Code: "outcome_unknown"}
}

// Idle says why a refresh would do nothing; nil if one is under way.
func (s *Session) Idle() *link.Fault {
	if s.renewing {
		return nil
	}
	return s.Refreshable()
}

// Refreshable says why a refresh is not possible now.
func (s *Session) Refreshable() *link.Fault {
	if _, polling := s.device(); polling {
		return &link.Fault{Kind: link.KindClient, Code: "polling"}
	}
	return s.renewable()
}

// renewable says why a refresh will never be possible.
func (s *Session) renewable() *link.Fault {
	switch {
	case s.config.RefreshEndpoint == "none":
		return &link.Fault{Kind: link.KindClient, Code: "refresh_not_supported"}
	case s.refreshEndpoint() == "" && (!s.config.Discovery || s.issuer.Known()):
		return s.issuer.Absent("token_endpoint")
	case s.Tokens.Refresh == "":
		return &link.Fault{Kind: link.KindClient, Code: "no_refresh_token"}
	}
	return nil
}

func (s *Session) refreshEndpoint() string {
	if s.config.RefreshEndpoint != "" {
		return s.config.RefreshEndpoint
	}
	return s.config.TokenEndpoint
}
