package mcp

const (
	// maxRefusals is how many tokens in a row a resource may refuse, for one operation, before no
	// more are got for it.
	maxRefusals = 3
	// refusalLife is how long a refusal counts, in ms.
	refusalLife = 600_000
	// maxCounted is how many operations are counted; the oldest give way.
	maxCounted = 64
)

// A refusal counts the tokens that a resource refused for one operation, each of which was good by
// its own time.
type refusal struct {
	key, token string // hashes
	n          int
	at         int64 // Unix ms
}

// refusedTooOften counts a refused token, and tells whether no further one shall be got. Requests
// that were refused with one token count once.
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
