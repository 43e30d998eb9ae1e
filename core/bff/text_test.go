package bff

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
)

func hashOf(s string) string {
	d := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(d[:])
}

func escape(s string) string { return url.QueryEscape(s) }

func b64std(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
