package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A call is one HTTP request, from its arrival to its answer.
type call struct {
	config *config
	link   *link.Link
	id     int64 // the command's

	request, method, url string // request is the host's name for it; url is without its query
	rawQuery             string // starts with "?"
	headers              []form.Param
	body                 json.Value // {"ref"}: the host keeps the body until the engine asks for it
	query                []form.Param
	origin               string // of the calling page; "" if the browser does not send it
	cookies              []form.Param
	set                  []string // the answer's cookies
	nobody               int64    // the answer's status if nobody is signed in, or not any more
	mayGive              string   // the scopes that the caller may use
	vary                 []byte   // what the resource's answer varies by
	watch                *watch   // for an answer that stays open; nil for one that ends
	page                 bool     // a person's browser navigates here: it is redirected, or shown a page
	forPeople            bool     // browsers are sent here, so we send them on to a page
	back                 string   // where the browser goes afterwards; "" for the default
	stopping             bool     // the host is stopping
	wasBounced           bool     // the request comes from a page of ours that bounced it
}

const (
	// maxHeaders is how many headers a request or an answer may have. Browsers and servers send a
	// tenth of that.
	maxHeaders = 200
	// maxURL is the longest URL, in bytes.
	maxURL = 16 << 10
)

// sent is the value of the request's first header of that name, which is in lower case.
func (c *call) sent(name string) string { return form.ValueOf(c.headers, name) }

func (c *call) ours(origin string) bool {
	for _, o := range c.config.origins {
		if o == origin {
			return true
		}
	}
	return false
}
