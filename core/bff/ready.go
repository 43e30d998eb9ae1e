package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A readyRun tells a probe whether this host can serve: it is not being stopped, and its store can
// be read and written. Its methods are the steps: recalled, loaded, stored, end.
type readyRun struct {
	c   *call
	key string
}

const (
	// readyMemory is for how long a host remembers what a probe found, in ms. Later probes in that
	// time do not ask the store; probes at the same moment do, each for itself.
	readyMemory = 1000
	// readyLife is for how long the store keeps what a probe wrote, in ms.
	readyLife = 60_000
)

// Texts that are remembered.
const (
	isReady  = "ready"
	notReady = "not ready"
)

func (c *call) ready() {
	const methods = "GET HEAD"
	switch {
	case !words.Has(methods, c.method):
		c.wrongMethod(methods)
	case c.stopping:
		c.refuse(503, "stopping", "This server is being stopped.")
	default:
		r := &readyRun{c: c, key: c.config.name + ".ready"}
		c.recall(r.key, r.recalled)
	}
}

func (r *readyRun) recalled(text string) {
	if text != "" {
		r.answer(text)
		return
	}
	r.c.link.Load(r.key, false, r.loaded)
}

func (r *readyRun) loaded(_, version, failed string) {
	if failed != "" {
		r.end(failed)
		return
	}
	// A store that can be read, and not written, serves nobody.
	r.c.link.Put(r.key, version, isReady, r.c.link.Now+readyLife, r.stored)
}

func (r *readyRun) stored(_, failed string) {
	if failed == "conflict" {
		failed = "" // another host's probe wrote at the same time
	}
	r.end(failed)
}

func (r *readyRun) end(failed string) {
	text := isReady
	if failed != "" {
		text = notReady
	}
	r.c.remember(r.key, text, r.c.link.Now+readyMemory)
	r.answer(text)
}

func (r *readyRun) answer(text string) {
	if text != isReady {
		r.c.unavailable()
		return
	}
	w := json.NewWriter()
	w.Open('{')
	w.MemberBool("ready", true)
	w.Close('}')
	r.c.respond(200, nil, w.String())
}
