package bff

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// texts reads a list that other hosts are tested with too (edge/test/suite/attacks.mjs).
func texts(t *testing.T, file string) (list []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../contract/bff", file))
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// leads reports whether every reading of a text takes a browser to one of the two configured
// origins.
func leads(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.User == nil && (u.Host == "app.example" || u.Host == "other.app.example") && !strings.ContainsAny(text, "\t\r\n\\\x00 <>\"")
}

// TestOpenRedirects: return_to and the address after a sign-out lead only to configured places,
// even for texts that are made to lead elsewhere (S111).
func TestOpenRedirects(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	for _, text := range texts(t, "redirects.json") {
		query := "?return_to=" + url.QueryEscape(text)
		m := s.visit("GET", "https://app.example/auth/login"+query)
		if m.Str("status") == "303" { // the attempt holds where the browser goes afterwards
			u, _ := url.Parse(m.Header("location"))
			i.nonce = u.Query().Get("nonce")
			if to := s.visit("GET", callback(u.Query())).Header("location"); !leads(to) || text[0] != '/' {
				t.Errorf("%q: leads to %q", text, to)
			}
		} else if m.Str("status") != "400" || m.Header("set-cookie") != "" || m.Header("location") != "" {
			t.Errorf("%q: %s", text, m.Raw)
		}
		if out := s.call("POST", "https://app.example/auth/logout"+query); out.Str("status") != m.Str("status") && text[0] != '/' {
			t.Errorf("%q after a sign-out: %s", text, out.Raw)
		}
	}
	// Unescaped, which no browser sends.
	for _, raw := range []string{"//evil.example", `/\evil.example`, "https://evil.example", "%", "%zz", "%2", "/;//evil.example", "/%ff", "%00"} {
		for _, parameter := range []string{"return_to", "return%5fto", "return_to=%2F&return_to"} {
			m := s.visit("GET", "https://app.example/auth/login?"+parameter+"="+raw)
			if loc := m.Header("location"); loc != "" && !strings.HasPrefix(loc, "https://as.example/authorize?") {
				t.Errorf("%s=%s: %s", parameter, raw, m.Raw)
			}
		}
	}
}

// TestWhatIsSaidOfAFailureLeadsNowhere: the server's error is passed on in the query, and has no
// other influence on where the browser goes (S111).
func TestWhatIsSaidOfAFailureLeadsNowhere(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	for _, text := range []string{"//evil.example", "x&return_to=//evil.example", "x#y", "x\r\nset-cookie: a=b", "<script>", "javascript:alert(1)", strings.Repeat("x", 5000), "%0d%0a", "é", "x;y", `x"y`, "https://evil.example/?"} {
		q := i.login("?return_to=%2Fhome%3Fa%3Db")
		m := s.visit("GET", "https://app.example/auth/callback?error="+url.QueryEscape(text)+"&error_uri=https%3A%2F%2Fevil.example&error_description=%3Cscript%3E&state="+q.Get("state"))
		to := m.Header("location")
		if m.Str("status") == "303" {
			u, err := url.Parse(to)
			if err != nil || !leads(to) || u.Path != "/home" || u.Query().Get("a") != "b" || u.Fragment != "" || u.Query().Has("return_to") {
				t.Errorf("%q: %s", text, m.Raw)
			}
		} else if m.Str("status") != "400" {
			t.Errorf("%q: %s", text, m.Raw)
		}
	}
}
