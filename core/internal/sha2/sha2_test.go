package sha2

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"testing"
)

// TestSums compares digests of every length up to three blocks with the standard library.
func TestSums(t *testing.T) {
	b := make([]byte, 3*128)
	for i := range b {
		b[i] = byte(i * 7)
		if d := sha256.Sum256(b[:i]); string(Sum256(b[:i])) != string(d[:]) {
			t.Fatal("SHA-256", i)
		}
		if d := sha512.Sum512(b[:i]); string(Sum512(string(b[:i]))) != string(d[:]) {
			t.Fatal("SHA-512", i)
		}
		if d := sha512.Sum384(b[:i]); string(Sum384(string(b[:i]))) != string(d[:]) {
			t.Fatal("SHA-384", i)
		}
	}
}

// FuzzHMAC compares HMAC with the standard library.
func FuzzHMAC(f *testing.F) {
	f.Add([]byte("key"), []byte("message"))
	for _, n := range []int{0, 54, 55, 56, 63, 64, 65, 119, 120, 128} {
		f.Add(make([]byte, n), make([]byte, n))
	}
	f.Fuzz(func(t *testing.T, key, message []byte) {
		h := hmac.New(sha256.New, key)
		h.Write(message)
		k := NewKey(key)
		for range 2 { // a key is good for more than one
			if got := k.HMAC(message); string(got) != string(h.Sum(nil)) {
				t.Fatalf("HMAC(%x, %x)", key, message)
			}
		}
	})
}
