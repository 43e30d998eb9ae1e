package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A request is one to a server.
type request struct {
	stage, method, url string
	headers            []form.Param
	params             []form.Param // the body of a POST
	json               string       // the body of a POST, where it is not params
	auth               string       // client authentication method, "" for a bearer's request
	key                string       // that the request is proved to be from (RFC 9449), "" for none
	newKey             bool         // it may not be there yet
	access             string       // the token that goes with the proof
	accept             string       // default: JSON
	most               int          // bytes of the answer's body, 0: maxBody
}

func (r *request) header(name, value string) {
	r.headers = append(r.headers, form.Param{Name: name, Value: value})
}

// A job is what a request is sent for; it may be called off.
type job struct {
	http   int64 // the request under way for it, 0: none
	unsent bool  // one that is still in its hooks is not sent any more
}

// A sendRun is a request on its way through its hooks to the host, and the answer on its way back. Its methods are the steps:
// settled, sign, prove, proved, hooked, transmit, arrived, read.
type sendRun struct {
	wire  *wire
	job   *job
	asked *request // as it was asked for, and its hook changed it
	out   *request // as it goes out
	body  string
	again bool // with the nonce that the first answer brought
	done  func(*response, *link.Fault)
}

// send gives done the response, or the fault that stood in its way.
func (wr *wire) send(j *job, r *request, done func(*response, *link.Fault)) {
	s := &sendRun{wire: wr, job: j, asked: r, done: done}
	wr.hookParams(r.stage, r.params, s.settled)
}

func (s *sendRun) settled(params []form.Param, f *link.Fault) {
	if f != nil {
		s.done(nil, f)
		return
	}
	s.asked.params = params
	s.sign()
}

// sign begins what is made anew for each sending: after the hook of the parameters, so that no hook has to carry a secret through.
func (s *sendRun) sign() {
	own := *s.asked
	r := &own
	r.params, r.headers = r.params[:len(r.params):len(r.params)], r.headers[:len(r.headers):len(r.headers)]
	s.out = r
	s.wire.authenticate(r.auth, r, s.prove)
}

func (s *sendRun) prove(f *link.Fault) {
	if f != nil {
		s.done(nil, f)
		return
	}
	r := s.out
	s.body = ""
	if r.method == "POST" {
		ctype := "application/x-www-form-urlencoded"
		if s.body = r.json; s.body != "" {
			ctype = "application/json"
		} else {
			s.body = form.Encode(r.params)
		}
		r.header("content-type", ctype)
	}
	if r.accept == "" {
		r.accept = "application/json"
	}
	r.header("accept", r.accept)
	if s.wire.config.userAgent != "" {
		r.header("user-agent", s.wire.config.userAgent)
	}
	if r.key == "" {
		s.wire.hookRequest(r, s.body, s.hooked)
		return
	}
	s.wire.proof(r.key, r.newKey, r.method, r.url, r.access, s.proved)
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
	if f == nil && r.key != "" && (r.method != s.asked.method || r.url != s.asked.url) {
		f = hookFailed(r.stage) // the proof says where it goes
	}
	if f == nil && s.job.unsent {
		f = &link.Fault{Kind: link.KindCanceled, Code: "cancelled"}
	}
	if f != nil {
		s.done(nil, f)
		return
	}
	w := s.wire.link.Effect("http")
	w.MemberStr("stage", r.stage)
	writeRequest(w, r, body)
	w.MemberStr("redirect", "refuse")
	w.MemberInt("timeout_ms", requestTimeout)
	if r.most == 0 {
		r.most = maxBody
	}
	w.MemberInt("max_body", int64(r.most))
	s.job.http = s.wire.link.Ask(w, s.arrived)
}

func (s *sendRun) arrived(ok json.Value, failed string) {
	s.job.http = 0
	if failed != "" {
		s.done(nil, link.NetworkFault(failed).Of(s.out.stage, s.out.url))
		return
	}
	s.wire.hookResponse(s.out, ok, s.read)
}

func (s *sendRun) read(ok json.Value, f *link.Fault) {
	r := s.out
	var res *response
	if f == nil {
		res, f = readResponse(r, ok)
	}
	if f == nil && r.key != "" {
		s.wire.noteNonce(r.url, res.headers)
		if !s.again && res.wantsNonceIn() {
			// Refused before anything was looked at; a second refusal is the answer (RFC 9449 section 8).
			s.again = true
			s.sign()
			return
		}
	}
	s.done(res, f)
}

// readResponse reads an answer.
func readResponse(r *request, v json.Value) (*response, *link.Fault) {
	res := &response{stage: r.stage, url: r.url, headers: v.Get("headers"), text: true}
	res.status, _ = v.Get("status").Int()
	switch b := v.Get("body"); {
	case b.Get("text").Kind() == json.String:
		if res.body = b.Get("text").Str(); len(res.body) > r.most {
			return nil, link.NetworkFault("too_large")
		}
	case b.Kind() != json.None:
		res.text = false
	}
	if res.status < 100 || res.status > 599 {
		return nil, link.NetworkFault("internal").Of(r.stage, r.url)
	}
	return res, nil
}

func writeRequest(w *json.Writer, r *request, body string) {
	w.MemberStr("method", r.method)
	w.MemberStr("url", r.url)
	writeParams(w, "headers", r.headers)
	if r.method == "POST" {
		w.Key("body")
		w.Open('{')
		w.MemberStr("text", body)
		w.Close('}')
	}
}
