//go:build page || (tinygo && !edge)

package core

// storage: no client stands inside another session here.
func (c *client) storage() Storage { return nil }
