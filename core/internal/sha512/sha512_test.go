package sha512

import (
	"bytes"
	std "crypto/sha512"
	"strings"
	"testing"
)

// FuzzSum holds both digests against the standard library.
func FuzzSum(f *testing.F) {
	for _, n := range []int{0, 3, 111, 112, 127, 128, 239, 240, 1000} {
		f.Add(strings.Repeat("a", n))
	}
	f.Fuzz(func(t *testing.T, s string) {
		if want := std.Sum512([]byte(s)); !bytes.Equal(Sum512(s), want[:]) {
			t.Errorf("SHA-512 of %q", s)
		}
		if want := std.Sum384([]byte(s)); !bytes.Equal(Sum384(s), want[:]) {
			t.Errorf("SHA-384 of %q", s)
		}
	})
}
