package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Which headers pass between a page and a resource. In both directions we list those that pass,
// because no list of forbidden names could be complete: servers, caches and accelerators know too
// many headers that say who calls, or that change how an answer is handled.

// passedOn are the headers of a page's request that a resource gets. Those that begin with
// "accept-" and "if-" pass as well.
const passedOn = "accept content-type content-language range last-event-id idempotency-key prefer traceparent tracestate x-request-id"

// passedBack are the headers of a resource's answer that a page gets. Those that begin with
// "accept-", "ratelimit" and "x-ratelimit-" pass as well.
const passedBack = "allow content-disposition content-encoding content-language content-location content-range content-type date deprecation etag expires last-modified link location " +
	"preference-applied retry-after server-timing sunset traceparent traceresponse tracestate x-request-id x-total-count"

// maxHop is how many headers Connection may name.
const maxHop = 32

func (c *config) passesOn(name string) bool {
	return plainName(name) && (words.Has(passedOn, name) || words.Prefixed(name, "accept-") || words.Prefixed(name, "if-") || words.Among(c.passHeaders, name)) && name != c.header
}

func (c *config) passesBack(name string) bool {
	return plainName(name) && (words.Has(passedBack, name) || words.Prefixed(name, "accept-") || words.Prefixed(name, "ratelimit") || words.Prefixed(name, "x-ratelimit-") || words.Among(c.passHeaders, name))
}

// hop returns the headers that Connection names, in lower case: they belong to one connection (RFC
// 9110 section 7.6.1). ok is false if it names more than maxHop.
func hop(headers []form.Param) (names []string, ok bool) {
	for _, h := range headers {
		if h.Name != "connection" {
			continue
		}
		for from := 0; from < len(h.Value); {
			element, next := cut(h.Value, from, ',')
			from = next
			if element == "" {
				continue
			}
			if len(names) == maxHop {
				return nil, false
			}
			names = append(names, words.Lower(element))
		}
	}
	return names, true
}

// directives are the directives of an answer's Cache-Control that pass. From the fifth on, they
// have a number of seconds.
var directives = [...]string{"no-cache", "must-revalidate", "immutable", "no-transform", "max-age", "stale-while-revalidate", "stale-if-error"}

// privately returns the Cache-Control for the browser, from that of the resource (RFC 9111 section
// 5.2.2). It always forbids shared caches, whatever the resource says. If a directive occurs twice,
// the first counts. If a number is invalid, nobody may store the answer.
func privately(said string) string {
	answer, seen := "private", 0
	for from := 0; from < len(said); {
		directive, next := cut(said, from, ',')
		from = next
		name, after := cut(words.Lower(directive), 0, '=')
		if name == "no-store" {
			return name
		}
		for i, known := range directives {
			if known != name || seen>>i&1 == 1 {
				continue
			}
			seen |= 1 << i
			if i >= 4 {
				seconds := directive[min(after, len(directive)):]
				if !digits(seconds) {
					return "no-store"
				}
				known += "=" + seconds
			}
			answer += ", " + known
		}
	}
	return answer
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 10
}

// pairs reads headers. few is false if there are more than maxHeaders.
func pairs(headers json.Value) (list []form.Param, few bool) {
	n := 0
	for it := headers.Each(); it.Next(); {
		if n++; n > maxHeaders {
			return nil, false
		}
		pair := it.Value().Each()
		var p form.Param
		if pair.Next() {
			p.Name = pair.Value().Str()
		}
		if pair.Next() {
			p.Value = pair.Value().Str()
		}
		if p.Name != "" {
			list = append(list, p)
		}
	}
	return list, true
}
