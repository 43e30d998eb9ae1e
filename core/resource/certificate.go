package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/address"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// shown is the thumbprint of the client's certificate (RFC 8705 section 3.1). It is the certificate
// of the connection, if the host knows it, or the one that a listed proxy sends in a header.
// Anybody can write that header, so it is ignored if it comes from anywhere else.
func (c *config) shown(in json.Value, header string, count int) string {
	peer, known := address.Read(in.Get("peer").Str())
	for _, n := range c.proxies {
		if !known || !n.Holds(peer) {
			continue
		}
		// If the connection has a certificate, it is the proxy's own.
		if der, ok := readCertificate(header); ok && count == 1 {
			return thumbprint(der)
		}
		return ""
	}
	if der, ok := base64url.DecodeStd(in.Get("certificate").Str()); ok && c.certificates && len(der) > 0 {
		return thumbprint(der)
	}
	return ""
}

// maxCertificate is the longest value of the header, in bytes.
const maxCertificate = 16 << 10

func thumbprint(der []byte) string { return base64url.Encode(sha256.Sum(der)) }

// readCertificate reads what proxies send: base64 between colons (RFC 9440 section 2.1), base64
// alone, or PEM, escaped or not.
func readCertificate(s string) (der []byte, ok bool) {
	const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
	if len(s) > maxCertificate {
		return nil, false
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) || words.HexDigit(s[i+1]) < 0 || words.HexDigit(s[i+2]) < 0 {
				return nil, false
			}
			c = byte(words.HexDigit(s[i+1])<<4 | words.HexDigit(s[i+2]))
			i += 2
		}
		b = append(b, c)
	}
	s = words.Trim(string(b))
	switch {
	case words.Prefixed(s, begin):
		s = s[len(begin):]
		i := 0
		for i < len(s) && s[i] != '-' {
			i++
		}
		if words.Trim(s[i:]) != end {
			return nil, false // more certificates follow, and it is not clear which one is the client's
		}
		s = s[:i]
	case len(s) > 2 && s[0] == ':' && s[len(s)-1] == ':':
		s = s[1 : len(s)-1]
	}
	b = b[:0]
	for i := range len(s) {
		if c := s[i]; c > ' ' {
			b = append(b, c)
		}
	}
	der, ok = base64url.DecodeStd(string(b))
	return der, ok && len(der) > 0
}
