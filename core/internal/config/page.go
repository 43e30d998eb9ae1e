//go:build page

package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
)

// In oauth2.wasm this replaces the files with the build tag !page, which pages never use. The error
// for a missing feature says which module has it.

const ownMethods = AuthBasic + " " + AuthPost

func (c *Config) moreGroups() []group { return []group{{names: MoreMembers, lacks: true}} }

func (c *Config) checkMeans(field, method string) *link.Fault { return link.NotHere(field, method) }

func (c *Config) readRegistration([]group, json.Value) *link.Fault { return nil }

func (c *Config) checkIntrospection() *link.Fault { return nil }

func (c *Config) checkMore() *link.Fault { return nil }

func (c *Config) inheritMore() {}

// AdoptMore adopts nothing.
func (c *Config) AdoptMore(json.Value) {}

// Alias is none.
func (c *Config) Alias(json.Value, string) string { return "" }

func (c *Config) readObject(string, json.Value) *link.Fault { return nil }

func (c *Config) firstMore(json.Value) {}

func originOK(string, string) bool { return true }

func (c *Config) guarded() bool { return false }

func (c *Config) reaches(uri.URI) bool { return true }

// Public is never asked for.
func (c *Config) Public(string) bool { return false }
