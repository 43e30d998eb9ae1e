// Package record is what the scenarios of core, core/bff and core/resource share. In a scenario a
// test plays the host of an engine, and records the conversation as a transcript in core/contract.
package record

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// A Msg is a message of the engine.
type Msg struct {
	Raw string
	M   map[string]any // numbers are json.Number
}

// Str returns a member as text: a text as it is, anything else as JSON, "" if there is none.
func (m Msg) Str(path ...string) string {
	var v any = m.M
	for _, p := range path {
		o, _ := v.(map[string]any)
		v = o[p]
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		b, _ := json.Marshal(v)
		return string(b)
	}
}

// Int returns a member that is an integer; 0 if it is none.
func (m Msg) Int(path ...string) int64 {
	n, _ := json.Number(m.Str(path...)).Int64()
	return n
}

// Form parses the body as a form.
func (m Msg) Form() url.Values {
	v, err := url.ParseQuery(m.Str("body", "text"))
	if err != nil {
		panic(err)
	}
	return v
}

// Header joins the values of a header with "|": of the message, or of the ok of a result.
func (m Msg) Header(name string) string {
	list, there := m.M["headers"].([]any)
	if ok, result := m.M["ok"].(map[string]any); !there && result {
		list, _ = ok["headers"].([]any)
	}
	var values []string
	for _, h := range list {
		if pair := h.([]any); pair[0] == name {
			values = append(values, pair[1].(string))
		}
	}
	return strings.Join(values, "|")
}

// Quote returns s as JSON.
func Quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// With returns an object with members replaced or, if null, left out. Members named in merged are
// objects: theirs are replaced one by one.
func With(object, members string, merged ...string) string {
	var base, more map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &base); err != nil {
		panic(object)
	}
	if err := json.Unmarshal([]byte(members), &more); err != nil {
		panic(members)
	}
	for name, value := range more {
		switch {
		case string(value) == "null":
			delete(base, name)
		case slices.Contains(merged, name):
			base[name] = json.RawMessage(With(string(base[name]), string(value)))
		default:
			base[name] = value
		}
	}
	b, _ := json.Marshal(base)
	return string(b)
}
