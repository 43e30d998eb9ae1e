// Command filepeer is the Go side of a directory that processes in two languages share, for tests:
// it reads requests, one JSON object per line, and answers each with one.
//
//	{"do":"load","key":…}                     {"value":…,"version":…}
//	{"do":"store","key":…,"version":…,"value":…}  {"version":…}; without a value it deletes
//	{"do":"lock","key":…}, {"do":"unlock"}    {}
//	{"do":"create","key":…,"alg":…}           {"x":…}: of the public key, created if there is none
//	{"do":"sign","key":…}                     {"signature":…}: base64 of an ES256 signature (ASN.1) of "data"
//
// {"error":…} is the error of a request. The program ends with its input.
package main

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"log"
	"os"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

type request struct {
	Do, Key, Version, Alg string
	Value                 *string
}

type answer struct {
	Value     *string `json:"value,omitempty"`
	Version   string  `json:"version"`
	X         []byte  `json:"x,omitempty"`
	Signature []byte  `json:"signature,omitempty"`
	Error     string  `json:"error,omitempty"`
}

func main() {
	log.SetFlags(0)
	dir, err := filestore.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	p := peer{dir: dir}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for out := json.NewEncoder(os.Stdout); lines.Scan(); {
		var r request
		err := json.Unmarshal(lines.Bytes(), &r)
		var a answer
		if err == nil {
			a, err = p.do(context.Background(), r)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			log.Fatal(err)
		}
	}
}

type peer struct {
	dir    *filestore.Dir
	unlock func()
}

func (p *peer) do(ctx context.Context, r request) (a answer, err error) {
	switch r.Do {
	case "load":
		value, version, ok, err := p.dir.Load(ctx, r.Key)
		if ok {
			a.Value = &value
		}
		a.Version = version
		return a, err
	case "store":
		a.Version, err = p.dir.Store(ctx, r.Key, r.Version, r.Value)
	case "lock":
		p.unlock, err = p.dir.Lock(ctx, r.Key)
	case "unlock":
		p.unlock()
	case "create":
		var key crypto.Signer
		if key, err = p.dir.CreateKey(ctx, r.Key, oauth.Algorithm(r.Alg)); err != nil {
			return a, err
		}
		if public, ok := key.Public().(*ecdsa.PublicKey); ok {
			raw, err := public.Bytes() // uncompressed: 4, x, y
			if err != nil {
				return a, err
			}
			a.X = raw[1 : 1+len(raw)/2]
		}
	case "sign":
		var key crypto.Signer
		if key, err = p.dir.LoadKey(ctx, r.Key); err != nil || key == nil {
			return a, err
		}
		digest := sha256.Sum256([]byte("data"))
		a.Signature, err = key.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	return a, err
}
