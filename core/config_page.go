//go:build page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// What stands in oauth2.wasm in place of what pages never use, which is in the files with the build tag !page. What asks for it is told
// which module has it.

const ownMethods = authBasic + " " + authPost

func (c *config) moreGroups() []group { return []group{{names: moreMembers, lacks: true}} }

func (c *config) checkMeans(field, method string) *link.Fault { return link.NotHere(field, method) }

func (c *config) readRegistration([]group, json.Value) *link.Fault { return nil }

func (c *config) checkIntrospection() *link.Fault { return nil }

func (c *config) checkMore() *link.Fault { return nil }

func (c *config) inheritMore() {}

func (c *config) adoptMore(json.Value) {}

func (c *config) alias(json.Value, string) string { return "" }
