package simulate

// fresh is how long another party's mark keeps a party without locks from sending, ms.
const fresh = 60_000

// leaves checks a request when a party sends it.
func (p *party) leaves(x *exchange) {
	w := p.w
	switch x.e.Stage {
	case "token":
		c := w.ledger.codes[x.form.Get("code")]
		if c == nil {
			w.fail("made-up-code", "%s redeems a code that nobody issued", p.name())
			return
		}
		if c.sent++; c.sent > 1 {
			w.fail("code-twice", "%s sends %s, which was sent before", p.name(), w.ledger.name(x.form.Get("code")))
		}
	case "refresh":
		t := w.ledger.refresh[x.form.Get("refresh_token")]
		if t == nil {
			w.fail("made-up-token", "%s sends a refresh token that nobody issued", p.name())
			return
		}
		p.oneInFlight(t)
		p.marked(t)
		p.again(t)
		p.noSuccessor(t)
		x.t.refresh = t
		t.sent++
		t.unknown = true // until it is answered
	case "polling":
		p.polls(x)
	case "revocation":
		w.ledger.asked[x.form.Get("token")] = true
	}
	if w.plan.dpop {
		p.provedAll(x)
	}
}

// oneInFlight: with locks, a store never has two refresh requests at a time. Without locks, none is
// sent while another party's mark is young.
func (p *party) oneInFlight(t *token) {
	w := p.w
	var other *task
	for _, q := range w.alive() {
		for _, task := range q.tasks {
			if task.refresh != nil {
				other = task
			}
		}
	}
	if w.plan.locks {
		if other != nil {
			w.fail("two-in-flight", "%s sends %s while %s has sent %s and waits", p.name(), t.name, other.p.name(), other.refresh.name)
		}
		for _, l := range p.locks {
			if l.holds && l.done {
				return
			}
		}
		w.fail("no-lock", "%s sends %s without the lock", p.name(), t.name)
		return
	}
	age := p.decided - p.over.TriedAt
	young := p.over.Refresh == t.value && p.over.SentAt != 0 && p.over.marker != p.id && age > -fresh && age < fresh
	switch {
	case !young && other == nil:
	case p.refuse != "":
		w.excuse("no locks: the mark could not be stored")
	case young:
		w.fail("young-mark", "%s sends %s although another marked it %d ms ago", p.name(), t.name, age)
	case other.refresh != t:
		w.excuse("no locks: another token is under way")
	default:
		w.excuse("no locks: the mark is a minute off by the clock")
	}
}

// marked: before a token is sent, the store has it marked as being sent, unless the store failed.
func (p *party) marked(t *token) {
	switch {
	case p.held.Refresh == t.value && p.held.SentAt != 0:
	case p.refuse != "" && p.refuse != "conflict" && p.tried.Refresh == t.value && p.tried.SentAt != 0:
		p.w.excuse("the mark could not be stored")
	case p.marks == t.value && !p.w.ledger.sameSignIn(p.held.Refresh, t):
		p.w.excuse("another sign-in was loaded while the request was signed")
	default:
		p.w.fail("no-mark", "%s sends %s without its mark in the store", p.name(), t.name)
	}
}

// again: after an unknown outcome the token is sent once more per attempt, within the window.
func (p *party) again(t *token) {
	w := p.w
	if p.sends++; p.sends > 2 {
		w.fail("sent-too-often", "%s sends %s for the third time in one attempt", p.name(), t.name)
	}
	if t.sent == 0 || !t.unknown {
		return
	}
	since := p.tried.SentAt
	if p.refuse == "" {
		since = p.held.SentAt
	}
	now := p.decided
	if p.sends > 1 {
		now = p.unanswered
	}
	switch {
	case w.plan.retryWindow == 0 && since != now && now-since > 0:
		w.fail("no-window", "%s sends %s again, though there is no window for that", p.name(), t.name)
	case now-since > w.plan.retryWindow && p.sends > 1:
		w.fail("window-over-within-an-attempt", "%s sends %s again %d ms after its mark, in the same attempt", p.name(), t.name, now-since)
	case now-since > w.plan.retryWindow:
		w.fail("window-over", "%s sends %s again %d ms after its mark", p.name(), t.name, now-since)
	}
}

// noSuccessor: a refresh token is not sent after somebody got its successor. doc.go lists the
// exceptions.
func (p *party) noSuccessor(t *token) {
	w := p.w
	for _, s := range t.successors {
		for _, r := range s.receipts {
			switch {
			case r.at < t.revived:
				w.excuse("bytes brought an old token back")
			case p.fromBytes && !p.unread && !w.ledger.sameSignIn(p.loadedLast.Refresh, t):
				w.excuse("bytes over a store that holds nothing of that session")
			case p.unread && !p.unsaved(t):
				w.fail("unread-store", "%s sends %s while the store cannot be read, and it never said that it is not persisted; %s has %s", p.name(), t.name, r.p.name(), s.name)
			case p.unread:
				w.excuse("the store could not be read, and the token is not persisted")
			case s.stored != 0 && w.plan.locks:
				w.fail("successor-stored", "%s sends %s, whose successor %s is stored", p.name(), t.name, s.name)
			case s.stored != 0 && p.wrote > s.stored:
				w.fail("successor-stored", "%s sends %s, whose successor %s was stored before the mark", p.name(), t.name, s.name)
			case s.stored != 0:
				w.excuse("no locks: the successor came after the mark")
			case r.p == p && r.notPersisted && s.sent > 0 && !w.server.honours(s.value):
				w.excuse("the successor, which could not be stored, went out unanswered and is dead")
			case r.p == p && r.notPersisted && w.ledger.asked[s.value]:
				w.excuse("the user revoked the successor, which could not be stored, and the store could not be emptied")
			case r.p == p && r.notPersisted:
				w.fail("unsaved-successor-dropped", "%s sends %s, though it has its successor %s, which it could not store", p.name(), t.name, s.name)
			case r.p == p:
				w.fail("successor-dropped", "%s sends %s, though it has its successor %s", p.name(), t.name, s.name)
			case r.p.gone():
				w.excuse("who had the successor died before it was stored")
			case r.notPersisted:
				w.excuse("the successor is not persisted")
			case !w.plan.locks:
				w.excuse("no locks: the successor is being stored")
			default:
				w.fail("successor-known", "%s sends %s, though %s has its successor %s", p.name(), t.name, r.p.name(), s.name)
			}
		}
	}
}

// grants checks the event granted. Its expiry identifies the token.
func (p *party) grants(expiresAt int64) {
	var about *receipt
	for _, r := range p.receipts {
		switch {
		case r.expiresAt != expiresAt || p.held.ExpiresAt == expiresAt:
		case r.confirmed, r.notPersisted:
			return
		default:
			about = r
		}
	}
	if about != nil {
		p.w.fail("granted-before-stored", "%s grants %s, which is not stored", p.name(), about.token.name)
	}
}

// event checks an event of a party.
func (p *party) event(e *effect, raw []byte) {
	w := p.w
	p.keepsSecret("event "+e.Event, raw)
	w.note(p, "event %s %s", e.Event, e.Status)
	w.report.Effects["event "+e.Event]++
	switch e.Event {
	case "status":
		before := p.status
		p.status = e.Status
		switch {
		case e.Status != "not_authenticated" || before != "granted" && before != "refreshing" || p.held.Access == "" || p.runs("log_out", "revoke") || p.movedOn() || !w.server.honours(p.held.Refresh):
		case p.fromBytes && p.endedNewer:
			w.excuse("bytes that a clock says are newer than the store: their end is stored over it")
		default:
			w.fail("session-lost", "%s is not authenticated, but nobody asked and the server honours %s", p.name(), w.ledger.name(p.held.Refresh))
		}
	case "granted":
		p.grants(e.ExpiresAt)
	case "device":
		p.flow.polling, p.flow.interval = e.Polling, e.IntervalMS
	case "not_persisted":
		for _, r := range p.receipts {
			if r.token.value == p.tried.Refresh && !r.confirmed {
				r.notPersisted = true
			}
		}
	case "session_refused":
		w.fail("session-refused", "%s refuses its own session", p.name())
	}
}

// keepsSecret: no event, error or log line contains a secret.
func (p *party) keepsSecret(where string, text []byte) {
	if name := p.w.ledger.leak(text); name != "" {
		p.w.fail("secret-out", "%s: %s holds %s: %s", p.name(), where, name, text)
	}
}

// reached counts the state of the party, and the states of all parties together.
func (p *party) reached() {
	r := p.w.report
	state := p.status
	if p.held.SentAt != 0 {
		state += ", marked"
	}
	for _, c := range p.receipts {
		if c.notPersisted && !c.confirmed {
			state += ", not persisted"
			break
		}
	}
	r.Reached[state]++
	all := ""
	for _, q := range p.w.slots {
		switch {
		case q == nil || q.dead:
			all += "- "
		default:
			all += q.status[:1] + " "
		}
	}
	r.States[all]++
}
