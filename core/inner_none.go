//go:build page || (tinygo && !edge)

package core

// inner: no client stands inside another session here.
func (s *store) inner() Storage { return nil }
