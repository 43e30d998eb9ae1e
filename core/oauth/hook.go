package oauth

import (
	"encoding/json"
	"unicode/utf8"
)

// hooks are the application's hooks.
type hooks struct {
	s   *session
	own Hooks
}

// wireRequest is a Request as the engine reads it.
type wireRequest struct {
	Method  string `json:"method"`
	URL     string `json:"url"`
	Headers []pair `json:"headers"`
	Body    struct {
		Text string `json:"text"`
	} `json:"body"`
}

// wireResponse is a Response as the engine reads it; its body has one of the two members.
type wireResponse struct {
	Status  int      `json:"status"`
	Headers []pair   `json:"headers"`
	Body    wireBody `json:"body"`
}

type wireBody struct {
	Text   string `json:"text"`
	Base64 []byte `json:"base64"`
}

// MarshalJSON writes the member that is set.
func (b wireBody) MarshalJSON() ([]byte, error) {
	if b.Base64 != nil {
		return json.Marshal(map[string][]byte{"base64": b.Base64})
	}
	return json.Marshal(map[string]string{"text": b.Text})
}

// run runs a hook. If there is none, the answer is "unsupported".
func (h hooks) run(e *effect) {
	s, e := h.s, e.keep()
	parameters, request, response := h.own.Parameters[Stage(e.Stage)], h.own.Request[Stage(e.Stage)], h.own.Response[Stage(e.Stage)]
	var call func() (members, error)
	switch {
	case e.Hook == "parameters" && parameters != nil:
		call = func() (members, error) {
			p, err := parameters(s.ctx, Stage(e.Stage), e.Parameters)
			return members(nil).pairs("parameters", p), err
		}
	case e.Hook == "request" && request != nil:
		var w wireRequest
		if json.Unmarshal(e.Request, &w) != nil {
			s.reply(failed(e.ID, "internal"))
			return
		}
		call = func() (members, error) {
			r, err := request(s.ctx, Stage(e.Stage), Request{w.Method, w.URL, w.Headers, w.Body.Text})
			if err != nil {
				return nil, err
			}
			changed := wireRequest{Method: r.Method, URL: r.URL, Headers: append([]pair{}, r.Headers...)}
			changed.Body.Text = r.Body
			return members(nil).object("request", changed)
		}
	case e.Hook == "response" && response != nil:
		var w wireResponse
		if json.Unmarshal(e.Response, &w) != nil {
			s.reply(failed(e.ID, "internal"))
			return
		}
		call = func() (members, error) {
			r, err := response(s.ctx, Stage(e.Stage), Response{w.Status, w.Headers, w.Body.Text + string(w.Body.Base64)})
			if err != nil {
				return nil, err
			}
			changed := wireResponse{Status: r.Status, Headers: append([]pair{}, r.Headers...)}
			if utf8.ValidString(r.Body) {
				changed.Body.Text = r.Body
			} else {
				changed.Body.Base64 = []byte(r.Body)
			}
			return members(nil).object("response", changed)
		}
	default:
		s.reply(failed(e.ID, "unsupported"))
		return
	}
	s.aside(s.begin(e, func() {}), false, func() input {
		value, err := call()
		if err != nil {
			in := failed(e.ID, "denied")
			in.cause = err
			return in
		}
		return answer(e.ID, value)
	})
}
