package session

// leastOther is the least size that an access token for another target counts towards the limit of
// a session's bytes, so there are at most 16.
const leastOther = maxTokens / 16

// For is the access token for a target (config.ReadTarget), an empty one if there is none.
func (s *Session) For(target string) *Tokens {
	for t := s.Tokens; t != nil; t = t.other {
		if t.target == target {
			return t
		}
	}
	return &Tokens{}
}

// cost is how much t counts towards the limit of a session's bytes.
func (t *Tokens) cost() int { return max(t.size(), leastOther) }

// put makes o the first access token after the session's own, and replaces the previous one for its
// target. The least recently used ones are dropped when there are too many.
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

// DropAccess drops all access tokens.
func (t *Tokens) DropAccess() { t.Access, t.ExpiresAt, t.other = "", 0, nil }
