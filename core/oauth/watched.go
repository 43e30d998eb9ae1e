package oauth

import "strings"

// watch notes an effect that begins, for OnEffectDone.
func (s *session) watch(e *effect) {
	switch e.Kind {
	case "event", "result", "remember", "unlock", "http-cancel", "timer-cancel":
		return
	}
	if s.opts.OnEffectDone == nil {
		return
	}
	if s.watched == nil {
		s.watched = map[string]EffectOutcome{}
	}
	s.watched[strings.Clone(e.ID)] = EffectOutcome{Effect: e.info(), Began: s.opts.Now()}
}

// tell tells of one that ends with this answer.
func (s *session) tell(in input) {
	o, ok := s.watched[in.id]
	if !ok {
		return
	}
	delete(s.watched, in.id)
	o.Status, o.Failed = in.status, in.failure
	o.Took = max(0, s.opts.Now().Sub(o.Began))
	s.events.post(func() { s.opts.OnEffectDone(o) })
}
