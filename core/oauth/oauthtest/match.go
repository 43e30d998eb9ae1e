package oauthtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
)

// kept holds the values that a case keeps by name.
type kept map[string]any

// matchJSON returns an error that says where got does not match want, by the rules in doc.go.
func (k kept) matchJSON(where string, want any, got json.RawMessage) error {
	var value any
	if err := json.Unmarshal(got, &value); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return k.match(where, want, value)
}

func (k kept) match(where string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		if rule, ok := ruleOf(w); ok {
			return k.matchRule(where, rule, w[rule], got)
		}
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: is %v, not an object", where, got)
		}
		for name, value := range w {
			compare := k.match
			if name == "headers" {
				compare = k.matchHeaders
			}
			if err := compare(where+"."+name, value, g[name]); err != nil {
				return err
			}
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s: is %v, not %v", where, got, want)
		}
		for i := range w {
			if err := k.match(fmt.Sprintf("%s[%d]", where, i), w[i], g[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s: is %v, not %v", where, got, want)
	}
	return nil
}

// ruleOf returns the member of an expected object that is a rule.
func ruleOf(want map[string]any) (rule string, ok bool) {
	for _, rule := range []string{"$bytes", "$save", "$absent", "$same", "$other"} {
		if _, ok := want[rule]; ok {
			return rule, true
		}
	}
	return "", false
}

func (k kept) matchRule(where, rule string, operand, got any) error {
	switch rule {
	case "$bytes":
		return matchBytes(where, operand, got)
	case "$absent":
		if got != nil {
			return fmt.Errorf("%s: is %v, and not absent", where, got)
		}
		return nil
	}
	if got == nil {
		return fmt.Errorf("%s: is absent", where)
	}
	name := fmt.Sprint(operand)
	if rule == "$save" {
		k[name] = got
		return nil
	}
	before, err := k.get(name)
	if err == nil && reflect.DeepEqual(got, before) != (rule == "$same") {
		err = fmt.Errorf("%s: is %v, and %s was %v", where, got, name, before)
	}
	return err
}

func (k kept) get(name string) (any, error) {
	value, ok := k[name]
	if !ok {
		return nil, fmt.Errorf("nothing is kept as %q", name)
	}
	return value, nil
}

// filled returns value with each {"$use":NAME} replaced by the kept value.
func (k kept) filled(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case map[string]any:
		if name, ok := v["$use"]; ok {
			return k.get(fmt.Sprint(name))
		}
		for name := range v {
			if v[name], err = k.filled(v[name]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = k.filled(v[i]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func matchBytes(where string, want, got any) error {
	body, _ := got.(map[string]any)
	n := 0
	if text, ok := body["text"].(string); ok {
		n = len(text)
	} else if text, ok := body["base64"].(string); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		n = len(raw)
	}
	if want != float64(n) {
		return fmt.Errorf("%s: has %d bytes, not %v", where, n, want)
	}
	return nil
}

// matchHeaders compares pairs with pairs. An object, as the server shows headers, is compared as an
// object.
func (k kept) matchHeaders(where string, want, got any) error {
	if _, ok := want.([]any); !ok {
		return k.match(where, want, got)
	}
	expected, err := joined(want)
	if err != nil {
		return fmt.Errorf("%s: expected: %w", where, err)
	}
	actual, err := joined(got)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	for name, value := range expected {
		if actual[name] != value {
			return fmt.Errorf("%s: %s is %q, not %q", where, name, actual[name], value)
		}
	}
	return nil
}

func joined(pairs any) (map[string]string, error) {
	raw, err := json.Marshal(pairs)
	if err != nil {
		return nil, err
	}
	var list [][2]string
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, h := range list {
		if before, ok := all[h[0]]; ok {
			h[1] = before + ", " + h[1]
		}
		all[h[0]] = h[1]
	}
	return all, nil
}
