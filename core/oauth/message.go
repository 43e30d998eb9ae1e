package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// body is a request's body on the wire: text, base64 if it is not UTF-8, or the name of a body that
// stays with the host.
type body struct {
	text, base64, ref *string
}

// EffectInfo is a log entry about an effect. It contains no query, header, body or key. If the
// engine waits for an effect, there are two entries: when it is asked for, and when it is answered.
type EffectInfo struct {
	Kind   EffectKind
	Stage  Stage  // of http and hook
	Method string // of http
	URL    string // of http: origin and path
	// ID names the effect, in both entries. Target is the effect that this one withdraws.
	ID, Target string
	// Answered is true in the second entry. Only that one has the members below.
	Answered bool
	// Status is the HTTP status of the answer; for respond, of the answer to the browser.
	Status int
	// Failed is the kind of failure, empty if the effect was carried out.
	Failed string
	// Took is how long the answer took.
	Took time.Duration
	// Context has the values of the call that led to the effect, for tracing: of the first where
	// several wait for one, and none where a timer led to it. It is never done.
	Context context.Context
}

// String leaves Context out: its values are the caller's own, and may be secret.
func (i EffectInfo) String() string {
	return fmt.Sprint("{", i.Kind, " ", i.Stage, " ", i.Method, " ", i.URL, " ", i.ID, " ", i.Target, " ", i.Answered, " ", i.Status, " ", i.Failed, " ", i.Took, "}")
}

// effect has the members of every kind; which of them are set depends on kind.
type effect struct {
	raw        []byte // the message from which it was read
	ID         string
	Kind       string
	Stage      string
	Method     string
	URL        string
	Headers    []pair
	Body       *body
	TimeoutMS  int64
	MaxBody    int64
	Public     bool
	Target     string
	MS         int64
	Key        string
	Version    string
	Value      *string
	ExpiresAt  int64
	Name       string
	Alg        string
	Create     bool
	Delete     bool
	Watch      bool
	JWK        json.RawMessage // a part of the message, as are Request and OK
	Input      string
	Signature  string
	Hook       string
	Parameters []pair
	Request    json.RawMessage
	Response   json.RawMessage
	Command    int64
	Status     int // of respond
	OK         json.RawMessage
	Error      *Error
}

// keep copies the effect for use after its turn: the next effect is read into the same memory.
func (e *effect) keep() *effect {
	own := *e
	return &own
}

// readEffect returns false for a message that this host cannot answer. The ok of a result is its
// last member, and the caller reads it.
func readEffect(raw []byte) (e *effect, ok bool) {
	e = &effect{}
	return e, e.read(raw)
}

func (e *effect) read(raw []byte) (ok bool) {
	*e = effect{raw: raw}
	r := read(raw)
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "id":
			e.ID = r.text()
		case "kind":
			e.Kind = r.known()
		case "stage":
			e.Stage = r.known()
		case "method":
			e.Method = r.known()
		case "url":
			e.URL = r.text()
		case "headers":
			e.Headers = r.pairs()
		case "body":
			e.Body = readBody(r)
		case "timeout_ms":
			e.TimeoutMS = r.integer()
		case "max_body":
			e.MaxBody = r.integer()
		case "status":
			if e.Kind != "respond" { // an event's is a text
				r.raw()
				continue
			}
			e.Status = int(r.integer())
		case "public":
			e.Public = r.boolean()
		case "target":
			e.Target = r.text()
		case "ms":
			e.MS = r.integer()
		case "key":
			e.Key = r.text()
		case "version":
			e.Version = r.text()
		case "value":
			e.Value = new(r.text())
		case "expires_at":
			e.ExpiresAt = r.integer()
		case "name":
			e.Name = r.text()
		case "alg":
			e.Alg = r.text()
		case "create":
			e.Create = r.boolean()
		case "watch":
			e.Watch = r.boolean()
		case "delete":
			e.Delete = r.boolean()
		case "jwk":
			e.JWK = r.raw()
		case "input":
			e.Input = r.text()
		case "signature":
			e.Signature = r.text()
		case "hook":
			e.Hook = r.text()
		case "parameters":
			e.Parameters = r.pairs()
		case "request":
			e.Request = r.raw()
		case "response":
			e.Response = r.raw()
		case "command":
			e.Command = r.integer()
		case "error":
			e.Error = readError(r)
		case "ok":
			if e.OK = r.src[r.at:]; e.Kind == "result" && len(e.OK) > 0 {
				e.OK = e.OK[:len(e.OK)-1]
				return !r.bad
			}
			r.raw()
		default:
			r.raw()
		}
	}
	return r.end()
}

func readBody(r *reader) *body {
	b := &body{}
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "text":
			b.text = new(r.text())
		case "base64":
			b.base64 = new(r.text())
		case "ref":
			b.ref = new(r.text())
		default:
			r.raw()
		}
	}
	return b
}

// input is a message that waits for its turn: a command, or an answer if op is empty.
type input struct {
	op      string
	command int64  // its id
	id      string // of the effect that is answered
	failure string // if the answer is failed
	members members
	version string          // of the stored value
	status  int             // of the answer to an http effect
	cause   error           // the host's own error, if the answer is failed
	ctx     context.Context // of the caller, for a command
}

// append adds the input after the members that every message has.
func (in *input) append(b []byte) []byte {
	if in.op != "" {
		b = append(members(b).text("command", in.op), `,"id":`...)
		b = append(strconv.AppendInt(b, in.command, 10), in.members...)
		return append(b, '}')
	}
	b = members(b).text("answer", in.id)
	if in.failure != "" {
		b = members(append(b, `,"failed":{"kind":`...))
		return append(appendText(b, []byte(in.failure)), '}', '}')
	}
	b = append(b, `,"ok":{`...)
	if len(in.members) > 0 {
		b = append(b, in.members[1:]...)
	}
	return append(b, '}', '}')
}

// answer makes the input that answers effect id.
func answer(id string, m members) input { return input{id: id, members: m} }

func failed(id, kind string) input { return input{id: id, failure: kind} }

// answerOf is answer with a value that marshals to an object.
func answerOf(id string, object any) input {
	m, err := marshaled(object)
	if err != nil {
		return failed(id, "internal")
	}
	return answer(id, m)
}

// parameters returns the parameters of a command: nil, members, or a value that marshals to an
// object.
func parameters(op string, params any) (m members, err error) {
	switch p := params.(type) {
	case nil:
		return nil, nil
	case members:
		return p, nil
	case writable:
		m, err = p.members()
	default:
		m, err = marshaled(params)
	}
	if err != nil {
		return nil, &Error{Kind: KindClient, Code: "unreadable_parameter", Op: op, cause: err}
	}
	return m, nil
}

// refusal reads the reason in Effect(0) for a refused configuration.
func refusal(msg []byte) error {
	if e, ok := readEffect(msg); ok && e.Error != nil {
		return e.Error
	}
	return &Error{Kind: KindClient, Code: "refused", Op: "open"}
}

func (e *effect) info() EffectInfo {
	info := EffectInfo{ID: e.ID, Target: e.Target, Kind: EffectKind(e.Kind), Stage: Stage(e.Stage), Method: e.Method, Status: e.Status}
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
		info.URL = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	}
	return info
}
