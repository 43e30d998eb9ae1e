package base64url

import (
	"bytes"
	"encoding/base64"
	"testing"
)

// TestRFC7636AppendixA is the example of RFC 7636 appendix A.
func TestRFC7636AppendixA(t *testing.T) {
	if got := Encode([]byte{3, 236, 255, 224, 193}); got != "A-z_4ME" {
		t.Error(got)
	}
}

// FuzzBase64 compares both alphabets with encoding/base64, in both directions.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("A-z_4ME"))
	f.Add([]byte("YQ=="))
	f.Add([]byte{0, 255, 254})
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := Encode(b), base64.RawURLEncoding.EncodeToString(b); got != want {
			t.Fatalf("Encode: %s, want %s", got, want)
		}
		if got, want := EncodeStd(b), base64.StdEncoding.EncodeToString(b); got != want {
			t.Fatalf("EncodeStd: %s, want %s", got, want)
		}
		if bytes.ContainsAny(b, "\r\n") {
			return // encoding/base64 skips line ends
		}
		for name, pair := range map[string]struct {
			ours func(string) ([]byte, bool)
			std  *base64.Encoding
		}{"url": {Decode, base64.RawURLEncoding.Strict()}, "std": {DecodeStd, base64.StdEncoding.Strict()}} {
			got, ok := pair.ours(string(b))
			want, err := pair.std.DecodeString(string(b))
			if ok != (err == nil) || ok && !bytes.Equal(got, want) {
				t.Fatalf("%s %q: %x %t, want %x %v", name, b, got, ok, want, err)
			}
		}
	})
}
