package session

// leastOther is what an access token for another target counts at least of the bytes that a session
// keeps: so there are 16 at most.
const leastOther = maxTokens / 16

// For is the access token for a target (config.ReadTarget), an empty one where there is none.
func (s *Session) For(target string) *Tokens {
	for t := s.Tokens; t != nil; t = t.other {
		if t.target == target {
			return t
		}
	}
	return &Tokens{}
}

// cost is what t takes up of the bytes that a session keeps.
func (t *Tokens) cost() int { return max(t.size(), leastOther) }

// put makes o the first after the session's own, in place of the one that there was for its target.
// Those used longest ago go where they are more than a session keeps.
func (t *Tokens) put(o *Tokens) {
	left := maxTokens - t.size() - o.cost()
	for at := t; at.other != nil; {
		n := at.other
		if n.target == o.target || left < n.cost() {
			at.other = n.other
		} else {
			left -= n.cost()
			at = n
		}
	}
	o.other, t.other = t.other, o
}

// DropAccess forgets the access tokens.
func (t *Tokens) DropAccess() { t.Access, t.ExpiresAt, t.other = "", 0, nil }
