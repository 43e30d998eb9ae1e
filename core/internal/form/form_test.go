package form

import (
	"net/url"
	"reflect"
	"testing"
)

// TestRFC6749AppendixB is the example of RFC 6749 appendix B.
func TestRFC6749AppendixB(t *testing.T) {
	if got := string(Append(nil, " %&+£€")); got != "+%25%26%2B%C2%A3%E2%82%AC" {
		t.Error(got)
	}
}

// FuzzForm compares both directions with net/url.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"a=1&b=2&a=3", "a=%zz", "a;b=1", "&&=&x", "+%20=%2B", "a=%f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := string(Append(nil, s)), url.QueryEscape(s); got != want {
			t.Fatalf("%q: %s, net/url: %s", s, got, want)
		}
		params, ok := Decode(s)
		want, err := url.ParseQuery(s)
		if !ok {
			// net/url looks for a semicolon before it unescapes; it too refuses both.
			if err == nil {
				t.Fatalf("%q refused, net/url: %v", s, want)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q read as %v, net/url: %v", s, params, err)
		}
		got := url.Values{}
		for _, p := range params {
			got.Add(p.Name, p.Value)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, net/url: %v", s, got, want)
		}
		if again, ok := Decode(Encode(params)); !ok || len(again) != len(params) {
			t.Fatalf("%q: %v does not come back: %v", s, params, again)
		}
	})
}
