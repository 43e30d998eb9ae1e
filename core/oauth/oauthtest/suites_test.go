package oauthtest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

// A suite that cannot fail shows nothing: each row is a transcript with a difference.
func TestReplayNoticesDifferences(t *testing.T) {
	const (
		entropy = `"entropy":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"`
		opened  = "{}\nopen {\"now\":1," + entropy + ",\"kind\":\"contract\",\"config\":{}}\n"
		perform = `> {"now":1,"entropy":"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA","command":"perform","id":1,"effect":{"kind":"timer","ms":5}}` + "\n"
	)
	for _, row := range []struct{ name, transcript, want string }{
		{"another handle", opened + "= 2\n", "gave 1, not 2"},
		{"another code", opened + "= 1\n" + perform + "= 2\n", "gave 0, not 2"},
		{"an input that is not taken", opened + "= 1\n> {}\n", "input gave 2, not 0"},
		{"another effect", opened + "= 1\n" + perform + "< {}\n", "effect differs"},
		{"an effect that is missing", opened + "= 1\n< {}\n", "effect differs"},
		{"an effect too many at the end", opened + "= 1\n" + perform, "an effect too many"},
		{"an effect too many before the next call", opened + "= 1\n" + perform + "close\n", "an effect too many"},
		{"a line that is none", "{}\nopne {}\n", "unknown line"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := Replay(row.transcript, new(core.Engine)); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	for _, row := range []struct {
		name, got string
		want      any
		matches   bool
	}{
		{"members beside the listed ones", `{"a":1,"b":2}`, map[string]any{"a": 1.0}, true},
		{"a member that is missing", `{"b":2}`, map[string]any{"a": 1.0}, false},
		{"another value", `{"a":2}`, map[string]any{"a": 1.0}, false},
		{"no object", `1`, map[string]any{}, false},
		{"equal arrays", `[1,{"a":1,"b":2}]`, []any{1.0, map[string]any{"a": 1.0}}, true},
		{"a longer array", `[1,2]`, []any{1.0}, false},
		{"null is nothing", `{"a":null}`, map[string]any{"a": nil}, true},
		{"bytes of text", `{"body":{"text":"é"}}`, map[string]any{"body": map[string]any{"$bytes": 2.0}}, true},
		{"bytes of base64", `{"body":{"base64":"/wA="}}`, map[string]any{"body": map[string]any{"$bytes": 2.0}}, true},
		{"other bytes", `{"body":{"base64":"/wA="}}`, map[string]any{"body": map[string]any{"$bytes": 3.0}}, false},
		{"a missing body is empty", `{}`, map[string]any{"body": map[string]any{"$bytes": 0.0}}, true},
		{"headers are joined", `{"headers":[["a","1"],["b","x"],["a","2"]]}`, map[string]any{"headers": []any{[]any{"a", "1, 2"}}}, true},
		{"something to keep", `{"a":[1]}`, map[string]any{"a": map[string]any{"$save": "n"}}, true},
		{"nothing to keep", `{}`, map[string]any{"a": map[string]any{"$save": "n"}}, false},
		{"null is nothing to keep", `{"a":null}`, map[string]any{"a": map[string]any{"$save": "n"}}, false},
		{"absent", `{}`, map[string]any{"a": map[string]any{"$absent": true}}, true},
		{"not absent", `{"a":""}`, map[string]any{"a": map[string]any{"$absent": true}}, false},
		{"the same", `{"a":{"y":"2","x":"1"}}`, map[string]any{"a": map[string]any{"$same": "key"}}, true},
		{"not the same", `{"a":{"x":"1"}}`, map[string]any{"a": map[string]any{"$same": "key"}}, false},
		{"the same as nothing", `{"a":null}`, map[string]any{"a": map[string]any{"$same": "none"}}, false},
		{"another", `{"a":{"x":"1"}}`, map[string]any{"a": map[string]any{"$other": "key"}}, true},
		{"no other", `{"a":{"x":"1","y":"2"}}`, map[string]any{"a": map[string]any{"$other": "key"}}, false},
		{"nothing is no other", `{}`, map[string]any{"a": map[string]any{"$other": "key"}}, false},
		{"another than nothing", `{"a":1}`, map[string]any{"a": map[string]any{"$other": "none"}}, false},
		{"another header", `{"headers":[["a","1"]]}`, map[string]any{"headers": []any{[]any{"a", "1, 2"}}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			k := kept{"key": map[string]any{"x": "1", "y": "2"}}
			if err := k.matchJSON("answer", row.want, []byte(row.got)); (err == nil) != row.matches {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestKeptValuesAreUsed(t *testing.T) {
	k := kept{"key": map[string]any{"x": "1"}}
	effect := func() any {
		return map[string]any{"jwk": map[string]any{"$use": "key"}, "list": []any{1.0, map[string]any{"$use": "key"}}}
	}
	got, err := k.filled(effect())
	if want := (map[string]any{"jwk": k["key"], "list": []any{1.0, k["key"]}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", err, got)
	}
	if _, err := (kept{}).filled(effect()); err == nil {
		t.Error("what was not kept was used")
	}
}
