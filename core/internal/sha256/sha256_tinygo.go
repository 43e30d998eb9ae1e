//go:build tinygo

package sha256

var k = [64]uint32{
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

type state struct {
	h   [8]uint32
	buf [block]byte
	n   int   // bytes in buf
	len int64 // bytes in all
}

func (s *state) reset() {
	s.h = [8]uint32{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}
	s.n, s.len = 0, 0
}

func (s *state) write(p []byte) {
	s.len += int64(len(p))
	for len(p) > 0 {
		c := copy(s.buf[s.n:], p)
		p = p[c:]
		if s.n += c; s.n == block {
			s.compress()
			s.n = 0
		}
	}
}

func (s *state) sum() []byte {
	out := make([]byte, Size)
	bits := s.len * 8
	s.buf[s.n] = 0x80
	clear(s.buf[s.n+1:])
	if s.n >= 56 {
		s.compress()
		clear(s.buf[:])
	}
	for i := 0; i < 8; i++ {
		s.buf[56+i] = byte(bits >> (56 - 8*i))
	}
	s.compress()
	for i, v := range s.h {
		out[4*i], out[4*i+1], out[4*i+2], out[4*i+3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
	}
	return out
}

func rotr(v uint32, n uint) uint32 { return v>>n | v<<(32-n) }

func (s *state) compress() {
	var w [64]uint32
	for i := 0; i < 16; i++ {
		j := i * 4
		w[i] = uint32(s.buf[j])<<24 | uint32(s.buf[j+1])<<16 | uint32(s.buf[j+2])<<8 | uint32(s.buf[j+3])
	}
	for i := 16; i < 64; i++ {
		v1, v2 := w[i-2], w[i-15]
		w[i] = w[i-16] + w[i-7] + (rotr(v1, 17) ^ rotr(v1, 19) ^ v1>>10) + (rotr(v2, 7) ^ rotr(v2, 18) ^ v2>>3)
	}
	a, b, c, d, e, f, g, h := s.h[0], s.h[1], s.h[2], s.h[3], s.h[4], s.h[5], s.h[6], s.h[7]
	for i := 0; i < 64; i++ {
		t1 := h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + (e&f ^ ^e&g) + k[i] + w[i]
		t2 := (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + (a&b ^ a&c ^ b&c)
		h, g, f, e, d, c, b, a = g, f, e, d+t1, c, b, a, t1+t2
	}
	for i, v := range [8]uint32{a, b, c, d, e, f, g, h} {
		s.h[i] += v
	}
}

// Sum is the digest of b.
func Sum(b []byte) []byte {
	var s state
	s.reset()
	s.write(b)
	return s.sum()
}

// A Key makes HMAC-SHA-256 of messages under one key. Its half of the work is done once.
type Key struct{ inner, outer [8]uint32 } // states behind a block

// NewKey makes the key of these bytes.
func NewKey(key []byte) *Key {
	k := &Key{}
	if len(key) > block {
		key = Sum(key)
	}
	var s state
	for _, half := range [...]struct {
		pad byte
		h   *[8]uint32
	}{{0x36, &k.inner}, {0x5c, &k.outer}} {
		s.reset()
		clear(s.buf[:])
		copy(s.buf[:], key)
		for i := range s.buf {
			s.buf[i] ^= half.pad
		}
		s.compress()
		*half.h = s.h
	}
	return k
}

// HMAC is that of message.
func (k *Key) HMAC(message []byte) []byte {
	s := state{h: k.inner, len: block}
	s.write(message)
	d := s.sum()
	s.h, s.n, s.len = k.outer, 0, block
	s.write(d)
	return s.sum()
}

// Forget wipes the key.
func (k *Key) Forget() { *k = Key{} }
