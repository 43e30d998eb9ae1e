package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A call is one HTTP request on its way to its answer.
type call struct {
	config *config
	link   *link.Link
	id     int64 // of the command

	request, method, url string // request is the host's name for it; url is without its query
	rawQuery             string // from the "?" on
	headers              []form.Param
	body                 json.Value // {"ref"}: the body stays with the host until it is asked for
	query                []form.Param
	origin               string // of the page that calls, "" where the browser says none
	cookies              []form.Param
	set                  []string // cookies of the answer
	nobody               int64    // status of the answer where nobody is signed in, or not any more
	mayGive              string   // scopes of the caller
	vary                 []byte   // what a resource's answer varies by
	watch                *watch   // of an answer that stays open, nil for one that ends
	page                 bool     // a person's browser navigates here: it is led on, or shown a page
	forPeople            bool     // browsers are led here, so from here to a page
	back                 string   // where the browser goes on, "" for where it goes if nobody says
	stopping             bool     // the host is being stopped
	wasBounced           bool     // it comes from a page of ours that bounced it
}

const (
	// maxHeaders is how many headers a request or an answer may have: browsers and servers send a
	// tenth of that.
	maxHeaders = 200
	// maxURL is how long a URL may be, in bytes.
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
