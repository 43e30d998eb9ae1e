// Package sha2 implements SHA-256, SHA-384 and SHA-512 (FIPS 180-4), and HMAC-SHA-256 (RFC 2104),
// in little code, for the module.
//
// The constants of all three are computed as roots of the first primes. To store them would need
// half a kilobyte that cannot be compressed.
package sha2

// constants returns the first 64 bits after the point of the cube roots of the first 80 primes, and
// then of the square roots of the first 16 primes.
func constants() []uint64 {
	if table == nil {
		table = make([]uint64, 96)
		p := uint64(1)
		for n := range 80 {
			for p++; !prime(p); p++ {
			}
			table[n] = root(p, 3)
			if n < 16 {
				table[80+n] = root(p, 2)
			}
		}
	}
	return table
}

var table []uint64

func prime(p uint64) bool {
	for d := uint64(2); d*d <= p; d++ {
		if p%d == 0 {
			return false
		}
	}
	return true
}

// root is the part after the point of the nth root of p, where n is 2 or 3: 27 bits by Newton's
// method in floating point, and the next 37 from the remainder by exact arithmetic. The remainder
// is below 2^62, so it does not matter that the shifted p may be above 2^64.
func root(p uint64, n float64) uint64 {
	x := float64(p)
	for range 24 {
		y := x
		if n == 3 {
			y = x * x
		}
		x -= (x - float64(p)/y) / n
	}
	a := uint64(x * (1 << 27))
	f, d := float64(a), 0.0
	for range 3 {
		if n == 2 {
			d = float64(p<<54-a*a) / (2*f + d)
		} else {
			d = float64(-a*a*a) / (3*f*f + 3*f*d + d*d)
		}
	}
	return a<<37 | uint64(d*(1<<37))
}

// pad is the message with its padding: a bit, zeros, and the length in bits, including that of
// earlier blocks.
func pad(message []byte, block, before int) []byte {
	room := block / 8
	b := make([]byte, (len(message)+room)/block*block+block)
	b[copy(b, message)] = 0x80
	bits := uint64(len(message)+before) * 8
	for i := len(b) - 1; bits > 0; i-- {
		b[i] = byte(bits)
		bits >>= 8
	}
	return b
}

func rotr32(v uint32, n uint) uint32 { return v>>n | v<<(32-n) }

func rotr64(v uint64, n uint) uint64 { return v>>n | v<<(64-n) }

// compress256 processes the blocks of b.
func compress256(h []uint32, b []byte) {
	k := constants()
	var w [64]uint32
	for ; len(b) > 0; b = b[64:] {
		for i := range 64 {
			if i < 16 {
				w[i] = uint32(b[4*i])<<24 | uint32(b[4*i+1])<<16 | uint32(b[4*i+2])<<8 | uint32(b[4*i+3])
				continue
			}
			v1, v2 := w[i-2], w[i-15]
			w[i] = w[i-16] + w[i-7] + (rotr32(v1, 17) ^ rotr32(v1, 19) ^ v1>>10) + (rotr32(v2, 7) ^ rotr32(v2, 18) ^ v2>>3)
		}
		s0, s1, s2, s3, s4, s5, s6, s7 := h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]
		for i := range 64 {
			t1 := s7 + (rotr32(s4, 6) ^ rotr32(s4, 11) ^ rotr32(s4, 25)) + (s4&s5 ^ ^s4&s6) + uint32(k[i]>>32) + w[i]
			t2 := (rotr32(s0, 2) ^ rotr32(s0, 13) ^ rotr32(s0, 22)) + (s0&s1 ^ s0&s2 ^ s1&s2)
			s7, s6, s5, s4, s3, s2, s1, s0 = s6, s5, s4, s3+t1, s2, s1, s0, t1+t2
		}
		h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7] = h[0]+s0, h[1]+s1, h[2]+s2, h[3]+s3, h[4]+s4, h[5]+s5, h[6]+s6, h[7]+s7
	}
}

func digest256(h []uint32) []byte {
	out := make([]byte, 32)
	for i := range out {
		out[i] = byte(h[i/4] >> (24 - i%4*8))
	}
	return out
}

func begin256() []uint32 {
	h := make([]uint32, 8)
	for i := range h {
		h[i] = uint32(constants()[80+i] >> 32)
	}
	return h
}

// Sum256 is the SHA-256 digest of b.
func Sum256(b []byte) []byte {
	h := begin256()
	compress256(h, pad(b, 64, 0))
	return digest256(h)
}

// A Key computes HMAC-SHA-256 of messages with one key. The key's part of the work is done once.
type Key struct{ inner, outer []uint32 } // states after a block

// NewKey makes a key of these bytes.
func NewKey(key []byte) *Key {
	if len(key) > 64 {
		key = Sum256(key)
	}
	return &Key{padded(key, 0x36), padded(key, 0x5c)}
}

func padded(key []byte, with byte) []uint32 {
	b := make([]byte, 64)
	copy(b, key)
	for i := range b {
		b[i] ^= with
	}
	h := begin256()
	compress256(h, b)
	return h
}

// HMAC is the HMAC of message.
func (k *Key) HMAC(message []byte) []byte { return behind(k.outer, behind(k.inner, message)) }

// behind is the digest of a block followed by the message.
func behind(block []uint32, message []byte) []byte {
	h := append([]uint32(nil), block...)
	compress256(h, pad(message, 64, 64))
	return digest256(h)
}

// Forget wipes the key.
func (k *Key) Forget() {
	clear(k.inner)
	clear(k.outer)
}

// Sum512 is the SHA-512 digest of s, 64 bytes.
func Sum512(s string) []byte { return sum512(80, s) }

// Sum384 is the SHA-384 digest of s, 48 bytes.
func Sum384(s string) []byte { return sum512(88, s)[:48] }

// sum512 begins with the constants from that index on.
func sum512(from int, s string) []byte {
	k := constants()
	h := append([]uint64(nil), k[from:from+8]...)
	var w [80]uint64
	for b := pad([]byte(s), 128, 0); len(b) > 0; b = b[128:] {
		for i := range 80 {
			if i < 16 {
				for j := range 8 {
					w[i] = w[i]<<8 | uint64(b[8*i+j])
				}
				continue
			}
			v1, v2 := w[i-2], w[i-15]
			w[i] = w[i-16] + w[i-7] + (rotr64(v1, 19) ^ rotr64(v1, 61) ^ v1>>6) + (rotr64(v2, 1) ^ rotr64(v2, 8) ^ v2>>7)
		}
		v := append([]uint64(nil), h...)
		for i := range 80 {
			a, e := v[0], v[4]
			t1 := v[7] + (rotr64(e, 14) ^ rotr64(e, 18) ^ rotr64(e, 41)) + (e&v[5] ^ ^e&v[6]) + k[i] + w[i]
			t2 := (rotr64(a, 28) ^ rotr64(a, 34) ^ rotr64(a, 39)) + (a&v[1] ^ a&v[2] ^ v[1]&v[2])
			copy(v[1:], v)
			v[4] += t1
			v[0] = t1 + t2
		}
		for i := range h {
			h[i] += v[i]
		}
	}
	out := make([]byte, 64)
	for i := range out {
		out[i] = byte(h[i/8] >> (56 - i%8*8))
	}
	return out
}
