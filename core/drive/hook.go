package drive

import (
	"encoding/json"
	"maps"
	"slices"
)

// configured is a configuration with what follows from the options: the stages at which the engine asks for a hook, and the name of the
// client's key.
type configured struct {
	Config
	ClientKey      string   `json:"client_key,omitempty"`
	ParameterHooks []string `json:"parameter_hooks,omitempty"`
	RequestHooks   []string `json:"request_hooks,omitempty"`
	ResponseHooks  []string `json:"response_hooks,omitempty"`
}

func (o Options) configure(c Config) configured {
	full := configured{Config: c, ParameterHooks: slices.Sorted(maps.Keys(o.Hooks.Parameters)), RequestHooks: slices.Sorted(maps.Keys(o.Hooks.Request)),
		ResponseHooks: slices.Sorted(maps.Keys(o.Hooks.Response))}
	if o.ClientKey != nil {
		full.ClientKey = clientKey
	}
	return full
}

// hook runs one of the caller's own functions. Where there is none, the answer is that this host does not carry it out.
func (s *session) hook(e *effect) {
	parameters, request, response := s.opts.Hooks.Parameters[e.Stage], s.opts.Hooks.Request[e.Stage], s.opts.Hooks.Response[e.Stage]
	var call func() (members, error)
	switch {
	case e.Hook == "parameters" && parameters != nil:
		call = func() (members, error) {
			p, err := parameters(s.ctx, e.Stage, e.Parameters)
			return members(nil).pairs("parameters", p), err
		}
	case e.Hook == "request" && request != nil:
		var r Request
		if json.Unmarshal(e.Request, &r) != nil {
			s.inbox = append(s.inbox, failed(e.ID, "internal"))
			return
		}
		call = func() (members, error) {
			r, err := request(s.ctx, e.Stage, r)
			if err != nil {
				return nil, err
			}
			r.Headers = append([]pair{}, r.Headers...)
			return members(nil).object("request", r)
		}
	case e.Hook == "response" && response != nil:
		var r Response
		if json.Unmarshal(e.Response, &r) != nil {
			s.inbox = append(s.inbox, failed(e.ID, "internal"))
			return
		}
		call = func() (members, error) {
			r, err := response(s.ctx, e.Stage, r)
			if err != nil {
				return nil, err
			}
			r.Headers = append([]pair{}, r.Headers...)
			return members(nil).object("response", r)
		}
	default:
		s.inbox = append(s.inbox, failed(e.ID, "unsupported"))
		return
	}
	s.aside(s.begin(e, func() {}), false, func() input {
		value, err := call()
		if err != nil {
			return failed(e.ID, "denied")
		}
		return answer(e.ID, value)
	})
}
