package drivetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
)

// matchJSON says where got does not match want, by the rules in doc.go.
func matchJSON(where string, want any, got json.RawMessage) error {
	var value any
	if err := json.Unmarshal(got, &value); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return match(where, want, value)
}

func match(where string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		if n, ok := w["$bytes"]; ok {
			return matchBytes(where, n, got)
		}
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: is %v, not an object", where, got)
		}
		for name, value := range w {
			compare := match
			if name == "headers" {
				compare = matchHeaders
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
			if err := match(fmt.Sprintf("%s[%d]", where, i), w[i], g[i]); err != nil {
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

// matchHeaders compares pairs with pairs; an object, as the server shows it, is compared as one.
func matchHeaders(where string, want, got any) error {
	if _, ok := want.([]any); !ok {
		return match(where, want, got)
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
