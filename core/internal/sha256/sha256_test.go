package sha256

import (
	"crypto/hmac"
	stdsha "crypto/sha256"
	"testing"
)

// FuzzSum compares Sum and HMAC with the standard library.
func FuzzSum(f *testing.F) {
	f.Add([]byte("key"), []byte("message"))
	for _, n := range []int{0, 54, 55, 56, 63, 64, 65, 119, 120, 128} {
		f.Add(make([]byte, n), make([]byte, n))
	}
	f.Fuzz(func(t *testing.T, key, message []byte) {
		if [Size]byte(Sum(message)) != stdsha.Sum256(message) {
			t.Fatalf("Sum(%x)", message)
		}
		h := hmac.New(stdsha.New, key)
		h.Write(message)
		k := NewKey(key)
		for range 2 { // a key is good for more than one
			if got := k.HMAC(message); string(got) != string(h.Sum(nil)) {
				t.Fatalf("HMAC(%x, %x)", key, message)
			}
		}
	})
}

// BenchmarkDraw is what an input costs that draws once: a digest and a key of 32 bytes, and a MAC
// of 16.
func BenchmarkDraw(b *testing.B) {
	entropy, label := make([]byte, 32), make([]byte, 16)
	b.ReportAllocs()
	for b.Loop() {
		Sum(entropy)
		NewKey(entropy).HMAC(label)
	}
}
