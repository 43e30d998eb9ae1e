package drive

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// pair is a header or a parameter on the wire.
type pair = [2]string

// body is a request's or an answer's body on the wire: text, or base64 of what is no UTF-8.
type body struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
	Ref    *string `json:"ref,omitempty"`
}

func bodyOf(raw []byte) body {
	if utf8.Valid(raw) {
		text := string(raw)
		return body{Text: &text}
	}
	text := base64.StdEncoding.EncodeToString(raw)
	return body{Base64: &text}
}

// effect has the members of every kind; which of them are set depends on kind.
type effect struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	Stage      string          `json:"stage"`
	Method     string          `json:"method"`
	URL        string          `json:"url"`
	Headers    []pair          `json:"headers"`
	Body       *body           `json:"body"`
	TimeoutMS  int64           `json:"timeout_ms"`
	MaxBody    int64           `json:"max_body"`
	Target     string          `json:"target"`
	MS         int64           `json:"ms"`
	Key        string          `json:"key"`
	Version    string          `json:"version"`
	Value      *string         `json:"value"`
	ExpiresAt  int64           `json:"expires_at"`
	Name       string          `json:"name"`
	Alg        string          `json:"alg"`
	Create     bool            `json:"create"`
	Delete     bool            `json:"delete"`
	JWK        json.RawMessage `json:"jwk"`
	Input      string          `json:"input"`
	Signature  string          `json:"signature"`
	Hook       string          `json:"hook"`
	Parameters []pair          `json:"parameters"`
	Request    json.RawMessage `json:"request"`
	Command    int64           `json:"command"`
	OK         json.RawMessage `json:"ok"`
	Error      *Error          `json:"error"`
}

// input is a message that waits for its turn: the members behind now and entropy, which are drawn when it is given to the engine.
type input struct {
	members []byte // begins with a comma
	id      string // of the effect it answers
	op      string // of the command it is
	command int64  // its id
	cause   error  // of the host's own, where it answers that a hand failed
}

// answer makes the input that answers effect id with value under verb, which is ok or failed.
func answer(id, verb string, value any) input {
	raw, err := json.Marshal(value)
	if err != nil { // values are ours: strings, numbers and arrays of them
		raw, verb = []byte(`{"kind":"internal"}`), "failed"
	}
	b := make([]byte, 0, len(raw)+len(id)+32)
	b = append(b, `,"answer":`...)
	b = strconv.AppendQuote(b, id)
	b = append(b, `,"`+verb+`":`...)
	return input{members: append(b, raw...), id: id}
}

type failure struct {
	Kind string `json:"kind"`
}

func failed(id, kind string) input { return answer(id, "failed", failure{kind}) }

// parameters marshals those of a command: nil, or what becomes an object.
func parameters(op string, params any) (json.RawMessage, error) {
	if params == nil {
		return nil, nil
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return nil, &Error{Kind: "client", Code: "unreadable_parameter", Op: op, cause: err}
	}
	return raw, nil
}

// command makes the input of a command and wipes params.
func command(op string, id int64, params json.RawMessage) input {
	b := append([]byte(nil), `,"command":`...)
	b = strconv.AppendQuote(b, op)
	b = append(b, `,"id":`...)
	b = strconv.AppendInt(b, id, 10)
	if len(params) > len("{}") {
		b = append(b, ',')
		b = append(b, params[1:len(params)-1]...)
		clear(params)
	}
	return input{members: b, op: op, command: id}
}
