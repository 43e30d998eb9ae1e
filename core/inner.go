//go:build !page && (!tinygo || edge)

package core

// inner keeps the texts of a client inside another session; nil: the host does, by load and store effects.
func (s *store) inner() Storage { return s.kept }
