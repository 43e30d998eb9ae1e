//go:build page || (tinygo && !edge)

package store

// Inner: no client stands inside another session here.
func (s *Store) Inner() Storage { return nil }
