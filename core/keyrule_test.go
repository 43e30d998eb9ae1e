package core

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
)

// rsaJWK is a key with these octets.
func rsaJWK(n, e []byte) string {
	return `{"kty":"RSA","kid":"1","n":"` + b64(n) + `","e":"` + b64(e) + `"}`
}

// modulus is a number of that many bits. The rule does not depend on its factors.
func modulus(bits int) []byte {
	n := bytes.Repeat([]byte{0xff}, (bits+7)/8)
	n[0] >>= (8 - bits%8) % 8
	return n
}

// point is an Ed25519 key with this first and last octet, and equal ones in between.
func point(first, between, last byte) string {
	x := append(append([]byte{first}, bytes.Repeat([]byte{between}, 30)...), last)
	return `{"kty":"OKP","kid":"1","crv":"Ed25519","x":"` + b64(x) + `"}`
}

// changed is a key with an additional or another member.
func changed(t *testing.T, key, name string, value any) string {
	var m map[string]any
	if err := json.Unmarshal([]byte(key), &m); err != nil {
		t.Fatal(err)
	}
	m[name] = value
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestKeyRule (S75): the same keys are accepted on every host, because the module checks them.
func TestKeyRule(t *testing.T) {
	exponent := []byte{1, 0, 1}
	p256, p521, ed := jwk(ecKey(elliptic.P256(), "a"), ""), jwk(ecKey(elliptic.P521(), "a"), ""), jwk(edKey("a"), "")
	for _, row := range []struct{ name, key, wrong string }{
		{"RSA of 2,048 bits", rsaJWK(modulus(2048), exponent), ""},
		{"RSA of 2,047 bits", rsaJWK(modulus(2047), exponent), "n"},
		{"RSA of 1,024 bits", rsaJWK(modulus(1024), exponent), "n"},
		{"RSA of 4,096 bits", rsaJWK(modulus(4096), exponent), ""},
		{"RSA of 8,192 bits", rsaJWK(modulus(8192), exponent), ""},
		{"RSA of 8,193 bits", rsaJWK(modulus(8193), exponent), "n"},
		{"RSA of 16,384 bits", rsaJWK(modulus(16384), exponent), "n"},
		{"an even modulus", rsaJWK(append(modulus(2040), 0xfe), exponent), "n"},
		{"a modulus with a zero in front", rsaJWK(append([]byte{0}, modulus(2048)...), exponent), "n"},
		{"a modulus that is a number of JSON", `{"kty":"RSA","n":65537,"e":"AQAB"}`, "n"},
		{"no modulus", `{"kty":"RSA","e":"AQAB"}`, "n"},
		{"a modulus with a line feed", strings.Replace(rsaJWK(modulus(2048), exponent), "____", `__\n__`, 1), "n"},
		{"a modulus with padding", strings.Replace(rsaJWK(modulus(2048), exponent), `","e"`, `==","e"`, 1), "n"},
		{"a modulus with unused bits set", changed(t, rsaJWK(modulus(2048), exponent), "n", strings.Repeat("_", 342)), "n"},
		{"exponent 3", rsaJWK(modulus(2048), []byte{3}), ""},
		{"exponent 2^32-1", rsaJWK(modulus(2048), []byte{255, 255, 255, 255}), ""},
		{"exponent 1: anybody can forge", rsaJWK(modulus(2048), []byte{1}), "e"},
		{"exponent 0", rsaJWK(modulus(2048), []byte{0}), "e"},
		{"exponent 2", rsaJWK(modulus(2048), []byte{2}), "e"},
		{"exponent 65,536", rsaJWK(modulus(2048), []byte{1, 0, 0}), "e"},
		{"exponent 2^32+1", rsaJWK(modulus(2048), []byte{1, 0, 0, 0, 1}), "e"},
		{"exponent 1 with zeros in front", rsaJWK(modulus(2048), []byte{0, 0, 1}), "e"},
		{"no exponent", rsaJWK(modulus(2048), nil), "e"},
		{"P-256", p256, ""}, {"P-521", p521, ""}, {"P-384", jwk(ecKey(elliptic.P384(), "a"), ""), ""},
		{"x of another curve", changed(t, p521, "crv", "P-256"), "x"},
		{"x with a zero in front", changed(t, p256, "x", b64(make([]byte, 33))), "x"},
		{"y that is short", changed(t, p256, "y", b64(make([]byte, 31))), "y"},
		{"no y", changed(t, p256, "y", nil), "y"},
		{"y with white space", changed(t, p256, "y", " "+strings.Repeat("A", 43)), "y"},
		{"Ed25519", ed, ""},
		{"Ed25519 of 31 octets", changed(t, ed, "x", b64(make([]byte, 31))), "x"},
		{"a point of order 1: one signature for all", point(1, 0, 0), "x"},
		{"a point of order 1, with a sign", point(1, 0, 0x80), "x"},
		{"a point of order 2", point(0xec, 0xff, 0x7f), "x"},
		{"a point of order 4", point(0, 0, 0), "x"},
		{"a point of order 4, with a sign", point(0, 0, 0x80), "x"},
		{"a point of order 8", changed(t, ed, "x", "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU"), "x"},
		{"another point of order 8", changed(t, ed, "x", "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o"), "x"},
		{"a point of order 8, with a sign", changed(t, ed, "x", "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU"), "x"},
		{"the prime itself", point(0xed, 0xff, 0x7f), "x"},
		{"above the prime, with a sign", point(0xff, 0xff, 0xff), "x"},
		{"just below order 2", point(0xeb, 0xff, 0x7f), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if member, want := jose.WrongKey(jsonOf(t, row.key)); member != row.wrong || (want != "") != (row.wrong != "") {
				t.Errorf("%q %q", member, want)
			}
		})
	}
}

// TestScenarioIDTokenKeys (S75, S76): a key that must not verify anything is refused before the
// host is asked; the error names it. Signatures are decoded strictly.
func TestScenarioIDTokenKeys(t *testing.T) {
	s := newScene(t, "Keys that anybody could forge for, that hosts would judge differently, or that are written as base64url is not, are none: the module never has one used, and says which it was and what was expected. A signature is strict base64url, too.", "Q12")
	i := s.issuer()
	fresh := *i
	weak := rsaJWK(modulus(2048), []byte{1})
	signature := func(change func(string) string) func(string) string {
		return func(token string) string {
			at := strings.LastIndex(token, ".") + 1
			return token[:at] + change(token[at:])
		}
	}
	for _, row := range []struct {
		name, code, field, expected string
		keys                        []string
		mangle                      func(string) string
	}{
		{"exponent 1", "bad_key", "e", "3 to 4294967295, odd", []string{weak}, nil},
		{"1,024 bits", "bad_key", "n", "2048 to 8192 bits, odd", []string{rsaJWK(modulus(1024), []byte{3})}, nil},
		{"beside the good one", "", "", "", []string{weak, fresh.keys[0]}, nil},
		{"after the good one", "", "", "", []string{fresh.keys[0], weak}, nil},
		{"a signature with a line feed", "malformed", "", "", fresh.keys, signature(func(s string) string { return s[:8] + "\n" + s[8:] })},
		{"a signature with padding", "malformed", "", "", fresh.keys, signature(func(s string) string { return s + "==" })},
		{"a signature with unused bits set", "malformed", "", "", fresh.keys, signature(func(s string) string { return s[:len(s)-1] + "_" })},
	} {
		*i = fresh
		i.keys, i.mangle = row.keys, row.mangle
		s.open(with(oidcConf))
		before := len(s.rec.Lines)
		r := s.callback()
		if r.Str("error", "code") != row.code || r.Str("error", "field") != row.field || r.Str("error", "expected") != row.expected || (row.field != "") != (r.Str("error", "came") == "key '1'") {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		for _, line := range s.rec.Lines[before:] {
			if row.code != "" && strings.Contains(line, `"kind":"verify"`) {
				t.Errorf("%s: the host was asked: %s", row.name, line)
			}
		}
		s.do("log_out")
	}
}
