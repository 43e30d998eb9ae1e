//go:build !page && (!tinygo || edge)

package store

// Inner keeps the texts of a client inside another session; nil: the host does, by load and store
// effects.
func (s *Store) Inner() Storage { return s.kept }
