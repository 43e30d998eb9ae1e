package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"math/big"
)

// Sign makes a signature in the form of RFC 7515. The key must fit.
func (a Algorithm) Sign(signer crypto.Signer, input []byte) ([]byte, error) {
	signature, err := crypto.SignMessage(signer, rand.Reader, input, a.options)
	if err != nil {
		return nil, err
	}
	k, ok := signer.Public().(*ecdsa.PublicKey)
	if !ok {
		return signature, nil
	}
	// A crypto.Signer returns ASN.1. RFC 7518 section 3.4 requires R and S, each as long as the
	// order of the curve.
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(signature, &pair)
	n := scalarSize(k)
	if err != nil || len(rest) > 0 || !fitsIn(pair.R, n) || !fitsIn(pair.S, n) {
		return nil, errors.New("oauth2: the signer gave no ECDSA signature in ASN.1")
	}
	raw := make([]byte, 2*n)
	pair.R.FillBytes(raw[:n])
	pair.S.FillBytes(raw[n:])
	return raw, nil
}

func fitsIn(i *big.Int, bytes int) bool { return i.Sign() > 0 && i.BitLen() <= 8*bytes }
