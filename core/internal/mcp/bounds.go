package mcp

const (
	// maxRefusals is how many tokens in a row a resource may refuse for one operation before no
	// more are requested for it.
	maxRefusals = 3
	// refusalLife is how long a refusal counts, in ms.
	refusalLife = 600_000
	// maxCounted is how many operations are counted; the oldest are removed.
	maxCounted = 64
)

// A refusal counts the tokens that a resource refused for one operation although they had not
// expired.
type refusal struct {
	key, token string // hashes
	n          int
	at         int64 // Unix ms
}

// refusedTooOften counts a refused token, and reports whether no further one must be requested.
// Requests that were refused with the same token count once.
func (s *session) refusedTooOften(operation, token string) bool {
	key, token := hash(operation), hash(token)
	var r *refusal
	kept := s.refusals[:0]
	for _, other := range s.refusals {
		if other.at > s.link.Now || s.link.Now-other.at > refusalLife {
			continue
		}
		if other.key == key {
			r = other
			continue
		}
		kept = append(kept, other)
	}
	if r == nil {
		r = &refusal{key: key}
	}
	if r.token != token {
		r.token, r.at = token, s.link.Now
		r.n++
	}
	if s.refusals = append(kept, r); len(s.refusals) > maxCounted {
		s.refusals = append(s.refusals[:0], s.refusals[1:]...)
	}
	return r.n > maxRefusals
}
