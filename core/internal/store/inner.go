//go:build !page && (!tinygo || edge)

package store

// Inner stores the texts of a client inside another session; nil means that the host does, by load
// and store effects.
func (s *Store) Inner() Storage { return s.kept }
