//go:build !page && (!tinygo || edge)

package core

// storage keeps the texts of a client inside another session; nil: the host does, by load and store effects.
func (c *client) storage() Storage { return c.kept }
