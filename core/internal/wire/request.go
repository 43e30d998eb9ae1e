package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A Request is a request to a server.
type Request struct {
	Stage, Method, URL string
	Headers            []form.Param
	Params             []form.Param // the body of a POST
	JSON               string       // the body of a POST, if it is not Params
	Auth               string       // client authentication method, "" if there is none
	Key                string       // the key of the request's proof (RFC 9449), "" for none
	NewKey             bool         // the key may not exist yet
	Access             string       // the access token in the proof
	Accept             string       // default: JSON
	Most               int          // bytes of the answer's body, 0: maxBody
}

func (r *Request) header(name, value string) {
	r.Headers = append(r.Headers, form.Param{Name: name, Value: value})
}

// A Job is the purpose of a request; it can be cancelled.
type Job struct {
	HTTP   int64 // the request under way, 0: none
	Unsent bool  // a request whose hooks are still running is not sent any more
}

// A sendRun is a request on its way through its hooks to the host, and the answer on its way back.
// Its methods are the steps: settled, sign, prove, proved, hooked, transmit, arrived, read.
type sendRun struct {
	wire  *Wire
	job   *Job
	asked *Request // as the caller and the hook made it
	out   *Request // as it is sent
	body  string
	again bool // with the nonce from the first answer
	done  func(*Response, *link.Fault)
}

// Send sends a request. done gets the response or the fault.
func (wr *Wire) Send(j *Job, r *Request, done func(*Response, *link.Fault)) {
	s := &sendRun{wire: wr, job: j, asked: r, done: done}
	wr.HookParams(r.Stage, r.Params, s.settled)
}

func (s *sendRun) settled(params []form.Param, f *link.Fault) {
	if f != nil {
		s.done(nil, f)
		return
	}
	s.asked.Params = params
	s.sign()
}

// sign begins the part that is repeated for each sending. It comes after the hook for parameters,
// so that no hook sees a secret.
func (s *sendRun) sign() {
	own := *s.asked
	r := &own
	r.Params, r.Headers = r.Params[:len(r.Params):len(r.Params)], r.Headers[:len(r.Headers):len(r.Headers)]
	s.out = r
	s.wire.authenticate(r.Auth, r, s.prove)
}

func (s *sendRun) prove(f *link.Fault) {
	if f != nil {
		s.done(nil, f)
		return
	}
	r := s.out
	s.body = ""
	if r.Method == "POST" {
		ctype := "application/x-www-form-urlencoded"
		if s.body = r.JSON; s.body != "" {
			ctype = "application/json"
		} else {
			s.body = form.Encode(r.Params)
		}
		r.header("content-type", ctype)
	}
	if r.Accept == "" {
		r.Accept = "application/json"
	}
	r.header("accept", r.Accept)
	if s.wire.config.UserAgent != "" {
		r.header("user-agent", s.wire.config.UserAgent)
	}
	if r.Key == "" {
		s.wire.hookRequest(r, s.body, s.hooked)
		return
	}
	s.wire.Proof(r.Key, r.NewKey, r.Method, r.URL, r.Access, s.proved)
}

func (s *sendRun) proved(proof string, f *link.Fault) {
	if f != nil {
		s.done(nil, f)
		return
	}
	s.out.header("dpop", proof)
	s.wire.hookRequest(s.out, s.body, s.hooked)
}

func (s *sendRun) hooked(body string, f *link.Fault) {
	r := s.out
	if f == nil && r.Key != "" && (r.Method != s.asked.Method || r.URL != s.asked.URL) {
		f = hookFailed(r.Stage) // the proof names the URL
	}
	if f == nil && s.job.Unsent {
		f = &link.Fault{Kind: link.KindCanceled, Code: "cancelled"}
	}
	if f != nil {
		s.done(nil, f)
		return
	}
	w := s.wire.link.Effect("http")
	w.MemberStr("stage", r.Stage)
	writeRequest(w, r, body)
	w.MemberStr("redirect", "refuse")
	w.MemberInt("timeout_ms", RequestTimeout)
	if r.Most == 0 {
		r.Most = MaxBody
	}
	w.MemberInt("max_body", int64(r.Most))
	if s.wire.config.Public(r.URL) {
		w.MemberBool("public", true)
	}
	s.job.HTTP = s.wire.link.Ask(w, s.arrived)
}

func (s *sendRun) arrived(ok json.Value, failed string) {
	s.job.HTTP = 0
	if failed != "" {
		s.done(nil, link.NetworkFault(failed).Of(s.out.Stage, s.out.URL))
		return
	}
	s.wire.hookResponse(s.out, ok, s.read)
}

func (s *sendRun) read(ok json.Value, f *link.Fault) {
	r := s.out
	var res *Response
	if f == nil {
		res, f = readResponse(r, ok)
	}
	if f == nil && r.Key != "" {
		s.wire.NoteNonce(r.URL, res.headers)
		if !s.again && res.wantsNonceIn() {
			// The server refused before it did anything, so send once more. A second refusal is the
			// answer (RFC 9449 section 8).
			s.again = true
			s.sign()
			return
		}
	}
	s.done(res, f)
}

// readResponse reads an answer.
func readResponse(r *Request, v json.Value) (*Response, *link.Fault) {
	res := &Response{stage: r.Stage, url: r.URL, headers: v.Get("headers"), text: true}
	res.Status, _ = v.Get("status").Int()
	switch b := v.Get("body"); {
	case b.Get("text").Kind() == json.String:
		if res.Body = b.Get("text").Str(); len(res.Body) > r.Most {
			return nil, link.NetworkFault("too_large")
		}
	case b.Kind() != json.None:
		res.text = false
	}
	if res.Status < 100 || res.Status > 599 {
		return nil, link.NetworkFault("internal").Of(r.Stage, r.URL)
	}
	return res, nil
}

func writeRequest(w *json.Writer, r *Request, body string) {
	w.MemberStr("method", r.Method)
	w.MemberStr("url", r.URL)
	link.WriteParams(w, "headers", r.Headers)
	if r.Method == "POST" {
		w.Key("body")
		w.Open('{')
		w.MemberStr("text", body)
		w.Close('}')
	}
}
