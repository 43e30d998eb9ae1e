package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A refreshRun makes the access token new (RFC 6749 section 6) or adopts what another instance got. There is one at a time; whoever asks meanwhile waits for it. It goes on
// without any waiter: its answer may be the only copy of a new token. Its methods are the steps in their order:
//
//	locked      nobody else changes the session
//	discovered  the server's endpoints are known
//	looked      what is stored is held; unless that is newer, its refresh token is marked as being sent
//	marked      the mark is stored
//	send        the request goes out
//	answered    and comes back: read, or failed
//	adopt       what came is the session; where an ID token has to be verified before: succeeded, identified
//	hold        it is stored: met where somebody else wrote, stored
//	end         whoever waits hears of it
type refreshRun struct {
	session *session
	lock    *lock
	change  change // of the store that is under way
	job     job
	had     *tokens           // at the start
	mark    string            // tried_by of this run, not sent yet
	sent    string            // the refresh token that goes out
	resent  bool              // it was sent before this request, by us or by one that did not see the answer
	useless bool              // the answer, but for a refresh token in it
	fault   *link.Fault       // why
	answer  *tokens           // whose ID token is verified
	before  *tokens           // what was held when it came
	written *tokens           // what is being stored
	then    func(*link.Fault) // after that
}

// refresh begins one, or waits for the one under way.
func (s *session) refresh(done func(*link.Fault)) {
	if s.renewing {
		s.waiting = append(s.waiting, done)
		return
	}
	if _, polling := s.device(); polling {
		done(s.refreshable())
		return
	}
	r := &refreshRun{session: s, had: s.tokens}
	r.change = change{store: s.store, key: s.key, version: &s.version, tries: maxTries, text: r.text, met: r.looked, done: r.marked}
	s.renewing, s.waiting = true, append(s.waiting, done)
	s.alone(r.locked)
}

func (r *refreshRun) locked(l *lock, f *link.Fault) {
	r.lock = l
	if f != nil {
		r.end(f)
		return
	}
	r.session.issuer.discovered(r.discovered)
}

func (r *refreshRun) discovered(f *link.Fault) {
	if f != nil {
		r.end(f)
		return
	}
	r.change.look()
}

func (r *refreshRun) looked(value, version, unread string) bool {
	s := r.session
	had := s.tokens
	changed := s.take(value, version, unread)
	t := s.tokens
	if unread != "" && !s.onlyHere() {
		// Without knowing what is stored, a token that another one has used up could go out.
		r.end(storageFault(unread))
		return false
	}
	// A mere mark is not something newer.
	if changed && !t.sameToken(had) && s.usable(t) {
		r.end(nil)
		return false
	}
	if f := s.refreshable(); f != nil {
		if changed && t.access == "" {
			f.Code = "signed_out" // by another instance
		}
		r.end(f)
		return false
	}
	if age := s.link.Now - t.triedAt; !r.lock.held && t.sentAt != 0 && t.triedBy != s.marked && age > -2*requestTimeout && age < 2*requestTimeout {
		// There is no lock to tell, and whoever set the mark may be sending at this moment.
		r.end(&link.Fault{Kind: link.KindClient, Code: "refresh_in_progress", Retryable: true})
		return false
	}
	if r.mark == "" || r.mark != t.triedBy { // else only the answer of the store was lost
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
	r.sent = t.refresh
	return true
}

func (r *refreshRun) text() string { return r.session.encode(r.session.tokens) }

// marked goes on where the mark could not be stored, too, unless somebody else keeps writing there.
func (r *refreshRun) marked(failed string) {
	switch {
	case failed == "":
		r.session.written(r.session.version)
	case conflict(failed):
		r.end(storageFault("conflict"))
		return
	}
	r.send()
}

func (r *refreshRun) send() {
	s := r.session
	s.setStatus(refreshing)
	params := []form.Param{{Name: "grant_type", Value: "refresh_token"}, {Name: "refresh_token", Value: s.tokens.refresh}}
	if scope := s.tokens.requested; s.config.refreshScope && scope != "" {
		params = append(params, form.Param{Name: "scope", Value: scope})
	}
	s.tokenRequest(&r.job, stageRefresh, s.refreshEndpoint(), s.tokens.key, append(params, s.config.resource...), r.answered)
}

func (r *refreshRun) answered(v json.Value, f *link.Fault) {
	s := r.session
	if f == nil {
		r.read(v)
		return
	}
	// A proof that is refused may be that of a request which the network doubled: the first was carried out.
	f.Unknown = f.Unknown || f.Err == "invalid_dpop_proof"
	if f.Dead = s.config.deadToken(f); f.Dead {
		f.Retryable, f.RetryAfter = false, 0 // whatever the status says
	}
	s.redact(f) // while the token it may repeat is still known
	r.failed(f)
}

// read takes an answer that is one. Where its tokens are of no use, its refresh token is: the old one is spent.
func (r *refreshRun) read(v json.Value) {
	s := r.session
	t, f := s.readTokens(v, s.tokens, false)
	if f == nil {
		f = t.tooLarge()
	}
	if f == nil {
		r.adopt(t)
		return
	}
	if next := v.Get("refresh_token").Str(); next != "" && len(next) <= maxTokens/4 {
		s.link.Own(&next)
		r.fault = f
		r.keepSuccessor(next, r.rescued)
		return
	}
	f.Unknown = true // it was carried out, and nothing of the answer is of use
	r.failed(f)
}

func (r *refreshRun) failed(f *link.Fault) {
	s := r.session
	switch {
	case f.Unknown && !r.resent && f.RetryAfter == 0 && s.config.retryWindow > 0 && s.link.Now-s.tokens.sentAt <= s.config.retryWindow:
		// Still under the lock: nobody else can have got an answer.
		r.resent = true
		r.send()
	case f.Dead:
		r.refused(f)
	case f.Unknown:
		r.end(f)
	default:
		// The token surely was not used: nothing is unknown about it.
		if !r.resent {
			s.tokens.clearMark()
		}
		s.save(func() { r.end(f) })
	}
}

// refused ends what a dead refresh token ends: that token, and after an unknown outcome the whole session.
func (r *refreshRun) refused(f *link.Fault) {
	s := r.session
	s.tokens.clearMark()
	s.tokens.refresh = ""
	key := s.tokens.key
	if r.resent {
		f.Code = "outcome_lost"
		s.tokens = &tokens{}
	}
	s.save(func() {
		if s.tokens.key != key || s.tokens.access == "" && s.tokens.refresh == "" {
			s.wire.dropKey(key)
		}
		r.end(f)
	})
}

// adopt takes a good answer over. An ID token in it has to be verified first, and the refresh token does not wait for that: the old one is spent.
func (r *refreshRun) adopt(t *tokens) {
	s := r.session
	if s.config.jwks == "" && !s.config.idTokenOff {
		t.idToken = s.tokens.idToken
	}
	if t.idToken == s.tokens.idToken || s.config.idTokenOff {
		r.hold(t, r.end)
		return
	}
	r.answer, r.before = t, s.tokens
	r.keepSuccessor(t.refresh, r.succeeded)
}

// keepSuccessor takes from an answer the refresh token alone.
func (r *refreshRun) keepSuccessor(next string, then func(*link.Fault)) {
	r.useless = true
	kept := *r.session.tokens
	kept.clearMark()
	kept.refresh, kept.generation = next, max(kept.generation+1, r.session.link.Now)
	r.hold(&kept, then)
}

// rescued ends a refresh whose answer had no more than the successor.
func (r *refreshRun) rescued(f *link.Fault) {
	if f == nil {
		f = r.fault
	}
	r.end(f)
}

func (r *refreshRun) succeeded(f *link.Fault) {
	if f != nil || r.session.tokens != r.written { // somebody else stored something newer
		r.end(f)
		return
	}
	r.session.identify(r.answer, r.before, expected{maxAge: -1, later: true}, r.identified)
}

func (r *refreshRun) identified(f *link.Fault) {
	t := r.answer
	if f == nil {
		f = t.tooLarge()
	}
	if f != nil && (f.Kind == link.KindIDToken || f.Code == "too_large") {
		r.end(f)
		return
	}
	if f != nil {
		// The keys are out of reach: what is known of the user stays what it was.
		t.idToken, t.claims = r.before.idToken, r.before.claims
	}
	r.useless = false
	r.hold(t, r.end)
}

// hold stores what the server gave, then it is granted. Somebody who wrote in between is newer than we are: a sign-in is adopted, a sign-out ends this too.
func (r *refreshRun) hold(t *tokens, then func(*link.Fault)) {
	s := r.session
	r.written, r.then = t, then
	r.change = change{store: s.store, key: s.key, version: &s.version, tries: maxTries + 1, text: func() string { return s.encode(t) }, met: r.met, done: r.stored}
	r.change.write()
}

func (r *refreshRun) met(value, version, unread string) bool {
	s := r.session
	theirs, _, ok := s.decode(value)
	switch {
	case unread != "" || !ok:
		r.stored("conflict")
	case theirs.refresh == r.sent && r.change.tries > 0:
		// Nothing newer: another one's mark on the token that we have the successor of.
		s.version = version
		return true
	case value == "":
		s.lose(version)
		s.revokeToken(&job{}, r.written.refresh, "refresh_token", func(*link.Fault) {
			r.then(&link.Fault{Kind: link.KindClient, Code: "signed_out"})
		})
	default:
		s.follow(theirs, version)
		r.then(nil)
	}
	return false
}

// stored enters granted for a new access token; an answer of which only the refresh token was of use gave none.
func (r *refreshRun) stored(failed string) {
	r.session.keep(r.written, r.session.version, failed)
	if !r.useless {
		r.session.grant(false)
	}
	r.then(nil)
}

func (r *refreshRun) end(f *link.Fault) {
	s := r.session
	r.lock.unlock()
	if s.status == refreshing || s.tokens.access == "" {
		s.settle()
	}
	waiting := s.waiting
	s.renewing, s.waiting = false, nil
	if f != nil && f.RetryAfter > 0 {
		s.retryAt = s.link.Now + f.RetryAfter
	}
	if f == nil || !s.tokens.sameToken(r.had) {
		s.arm(false)
	} else if s.expiry.N == 0 {
		s.awaitEnd()
	}
	r.lock.release()
	for _, w := range waiting {
		w(f)
	}
}

// tooLate tells whether a refresh token that was sent and not answered is not sent again.
func (s *session) tooLate(t *tokens) bool {
	return s.config.retryWindow == 0 || s.link.Now-t.sentAt > s.config.retryWindow
}

func outcomeUnknown() *link.Fault {
	return &link.Fault{Kind: link.KindNetwork, Code: "outcome_unknown"}
}

// refreshable says why a refresh cannot be now.
func (s *session) refreshable() *link.Fault {
	if _, polling := s.device(); polling {
		return &link.Fault{Kind: link.KindClient, Code: "polling"}
	}
	return s.renewable()
}

// renewable says why a refresh can never be.
func (s *session) renewable() *link.Fault {
	switch {
	case s.config.refresh == "none":
		return &link.Fault{Kind: link.KindClient, Code: "refresh_not_supported"}
	case s.refreshEndpoint() == "" && (!s.config.discovery || s.issuer.known()):
		return s.issuer.absent("token_endpoint")
	case s.tokens.refresh == "":
		return &link.Fault{Kind: link.KindClient, Code: "no_refresh_token"}
	}
	return nil
}

func (s *session) refreshEndpoint() string {
	if s.config.refresh != "" {
		return s.config.refresh
	}
	return s.config.token
}
