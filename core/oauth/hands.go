package oauth

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

// openSession opens a session of a kind. The options say how it carries out effects.
func openSession(engine Engine, kind string, config any, opts Options) (*session, error) {
	opts = opts.withDefaults()
	return newSession(engine, kind, config, opts, func(s *session) map[string]hand {
		locks, storage, keys := newLocks(s, opts), &storage{s: s, store: opts.Store, watched: map[string]func(){}, wrote: map[string][]string{}}, newKeyring(s, opts)
		s.closing = append(s.closing, storage.close, locks.close, keys.close)
		requests, verifier, hooks := newRequests(s, opts.HTTP), &verifier{s: s}, hooks{s, opts.Hooks}
		hands := map[string]hand{
			"http": requests.send, "load": storage.carry, "store": storage.carry, "lock": locks.lock, "unlock": locks.unlock,
			"hook": hooks.run, "verify": verifier.verify, "key": keys.key, "sign": keys.sign,
		}
		for kind, lent := range opts.hands {
			if hands[kind] == nil {
				hands[kind] = func(e *effect) { lend(s, e, lent, bytes.Clone(e.raw)) }
			}
		}
		for kind, lent := range opts.quick {
			hands[kind] = func(e *effect) { quickly(s, e, lent) }
		}
		return hands
	})
}

// quickly carries out e at once, with a hand that never waits.
func quickly(s *session, e *effect, hand door.Hand) {
	ok, failure := hand(s.ctx, e.raw)
	switch {
	case e.Kind == "remember": // it needs no answer
	case failure != "":
		s.reply(failed(e.ID, failure))
	default:
		s.reply(answerOf(e.ID, ok))
	}
}

// lend carries out e with a hand of another package.
func lend(s *session, e *effect, hand door.Hand, raw json.RawMessage) {
	id := e.ID
	ctx, cancel := context.WithCancel(s.ctx)
	t := s.begin(e, cancel)
	s.aside(t, false, func() input {
		defer cancel()
		defer clear(raw)
		ok, failure := hand(ctx, raw)
		if failure != "" {
			return failed(id, failure)
		}
		response, is := ok.(door.Response)
		if is {
			ok = response.Object
		}
		in := answerOf(id, ok)
		in.status = response.Status
		return in
	})
}
