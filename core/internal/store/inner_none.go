//go:build page || (tinygo && !edge)

package store

// Inner: in this module no client is inside another session.
func (s *Store) Inner() Storage { return nil }
