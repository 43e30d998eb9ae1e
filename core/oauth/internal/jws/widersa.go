package jws

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
)

// wideRSA is a public key with an exponent of 32 bits. crypto/rsa refuses such keys, and other
// hosts accept them. Nothing here is secret.
type wideRSA struct{ n, e *big.Int }

// open returns the encoded message of a signature (RFC 8017 section 5.2.2), with that many octets.
func (k *wideRSA) open(signature []byte, octets int) (em []byte, ok bool) {
	s := new(big.Int).SetBytes(signature)
	if len(signature) != (k.n.BitLen()+7)/8 || s.Cmp(k.n) >= 0 {
		return nil, false
	}
	m := s.Exp(s, k.e, k.n)
	if m.BitLen() > 8*octets {
		return nil, false
	}
	return m.FillBytes(make([]byte, octets)), true
}

var digestNames = map[crypto.Hash]asn1.ObjectIdentifier{ // RFC 8017 appendix B.1
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
}

// verifyPKCS1 compares with the only valid encoded message (RFC 8017 sections 8.2.2 and 9.2).
func (k *wideRSA) verifyPKCS1(hash crypto.Hash, digest, signature []byte) bool {
	em, ok := k.open(signature, (k.n.BitLen()+7)/8)
	info, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}{pkix.AlgorithmIdentifier{Algorithm: digestNames[hash], Parameters: asn1.NullRawValue}, digest})
	if !ok || err != nil {
		return false
	}
	want := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, len(em)-len(info)-3)...)
	return bytes.Equal(em, append(append(want, 0), info...))
}

// verifyPSS is RFC 8017 section 9.1.2, with a salt as long as the hash (RFC 7518 section 3.5).
func (k *wideRSA) verifyPSS(hash crypto.Hash, digest, signature []byte) bool {
	bits, size := k.n.BitLen()-1, hash.Size()
	em, ok := k.open(signature, (bits+7)/8)
	if !ok || em[len(em)-1] != 0xbc {
		return false
	}
	db, h := em[:len(em)-size-1], em[len(em)-size-1:len(em)-1]
	unused := byte(0xff) << (8 - (8*len(em) - bits))
	if db[0]&unused != 0 {
		return false
	}
	mask := mgf1(hash, h, len(db))
	for i := range db {
		db[i] ^= mask[i]
	}
	db[0] &^= unused
	at := len(db) - size - 1
	if db[at] != 1 || len(bytes.Trim(db[:at], "\x00")) > 0 {
		return false
	}
	again := hash.New()
	again.Write(make([]byte, 8))
	again.Write(digest)
	again.Write(db[at+1:])
	return bytes.Equal(again.Sum(nil), h)
}

// mgf1 is the mask of RFC 8017 appendix B.2.1.
func mgf1(hash crypto.Hash, seed []byte, octets int) (mask []byte) {
	for n := uint32(0); len(mask) < octets; n++ {
		h := hash.New()
		h.Write(seed)
		h.Write(binary.BigEndian.AppendUint32(nil, n))
		mask = h.Sum(mask)
	}
	return mask[:octets]
}
