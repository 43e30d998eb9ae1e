package oauth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// clientKey is the name of Options.ClientKey in the engine's configuration. Keys of sessions begin with the client's name and a dot.
const clientKey = "client_key"

// signer gives the key called name, nil where there is none.
func (s *session) signer(ctx context.Context, name string) (crypto.Signer, error) {
	if name == clientKey && s.opts.ClientKey != nil {
		return s.opts.ClientKey, nil
	}
	return s.keys.LoadKey(ctx, name)
}

// key carries out a key effect: the public key under a name, made where it is asked for, or its end.
func (s *session) key(e *effect) {
	a, known := algorithms[Algorithm(e.Alg)]
	if !known && !e.Delete {
		s.inbox = append(s.inbox, failed(e.ID, "unsupported"))
		return
	}
	s.inOrder(e, "key "+e.Name, func(ctx context.Context) input {
		if e.Delete {
			if err := s.keys.DeleteKey(ctx, e.Name); err != nil {
				return keyFailure(ctx, e, err)
			}
			return answer(e.ID, nil)
		}
		var found members
		key, err := s.signer(ctx, e.Name)
		if key == nil && err == nil && e.Create {
			key, err = s.keys.CreateKey(ctx, e.Name, Algorithm(e.Alg))
		}
		if err == nil && key != nil {
			public := key.Public()
			if !a.fits(public) {
				return failed(e.ID, "denied")
			}
			found, err = found.object("jwk", jose.JSONWebKey{Key: public})
		}
		if err != nil {
			return keyFailure(ctx, e, err)
		}
		return answer(e.ID, found)
	})
}

// sign carries out a sign effect.
func (s *session) sign(e *effect) {
	a, ok := algorithms[Algorithm(e.Alg)]
	if !ok {
		s.inbox = append(s.inbox, failed(e.ID, "unsupported"))
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, storeTimeout)
	s.aside(s.begin(e, cancel), false, func() input {
		defer cancel()
		key, err := s.signer(ctx, e.Key)
		if err == nil && (key == nil || !a.fits(key.Public())) {
			return failed(e.ID, "denied")
		}
		var signature []byte
		if err == nil {
			signature, err = a.sign(key, []byte(e.Input))
		}
		if err != nil {
			return keyFailure(ctx, e, err)
		}
		return answer(e.ID, members(nil).text("signature", base64.RawURLEncoding.EncodeToString(signature)))
	})
}

// sign gives the signature of a key that fits, as RFC 7515 wants it.
func (a algorithm) sign(signer crypto.Signer, input []byte) ([]byte, error) {
	signature, err := crypto.SignMessage(signer, rand.Reader, input, a.options)
	if err != nil {
		return nil, err
	}
	k, ok := signer.Public().(*ecdsa.PublicKey)
	if !ok {
		return signature, nil
	}
	// A crypto.Signer gives the ASN.1 form; RFC 7518 section 3.4 wants R and S, each as long as the order of the curve.
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

// keyFailure names what a KeyStore or a Signer failed with.
func keyFailure(ctx context.Context, e *effect, err error) (in input) {
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		in = failed(e.ID, "unsupported")
	case ctx.Err() != nil:
		in = failed(e.ID, "timeout")
	default:
		in = failed(e.ID, "storage")
	}
	in.cause = err
	return in
}
