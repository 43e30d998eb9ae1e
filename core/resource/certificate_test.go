package resource

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
)

// TestScenarioCertificate: a token that is bound to a certificate is accepted on a connection with
// it, or behind a listed proxy that reports it (R30, R31).
func TestScenarioCertificate(t *testing.T) {
	s := newScene(t, "a token bound to a certificate, of the connection or as a listed proxy says", "R30", "R31").mustOpen(with(`{"certificates":true,"certificate_header":"client-cert","proxies":["10.1.0.0/16","fd00::1"]}`))
	der := base64.StdEncoding.EncodeToString([]byte("a certificate"))
	sum := sha256.Sum256([]byte("a certificate"))
	at := "Bearer " + token(`{"cnf":{"x5t#S256":"`+base64.RawURLEncoding.EncodeToString(sum[:])+`"}}`)
	s.allowed(s.check("GET", "/notes", `"certificate":"`+der+`"`, "authorization", at))
	s.refused(s.check("GET", "/notes", "", "authorization", at), 401, "invalid_token", "wrong_certificate cnf")
	s.refused(s.check("GET", "/notes", `"certificate":"b3RoZXI="`, "authorization", at), 401, "invalid_token", "wrong_certificate cnf")
	pem := "-----BEGIN CERTIFICATE-----\n" + der + "\n-----END CERTIFICATE-----\n"
	for _, header := range []string{":" + der + ":", der, url.PathEscape(pem), strings.ReplaceAll(pem, "\n", " ")} {
		s.allowed(s.check("GET", "/notes", `"peer":"10.1.2.3"`, "authorization", at, "client-cert", header))
	}
	s.allowed(s.check("GET", "/notes", `"peer":"fd00::1","certificate":"b3RoZXI="`, "authorization", at, "client-cert", der))
	for _, peer := range []string{"10.2.0.1", "fd00::2", "", "10.1.2.3.evil", "unknown"} {
		s.refused(s.check("GET", "/notes", `"peer":"`+peer+`"`, "authorization", at, "client-cert", der), 401, "invalid_token", "wrong_certificate cnf")
	}
	for _, header := range []string{"", "x", pem + pem, "%zz", ":" + der} {
		s.refused(s.check("GET", "/notes", `"peer":"10.1.2.3"`, "authorization", at, "client-cert", header), 401, "invalid_token", "wrong_certificate cnf")
	}
	s.refused(s.check("GET", "/notes", `"peer":"10.1.2.3"`, "authorization", at, "client-cert", der, "client-cert", der), 401, "invalid_token", "wrong_certificate cnf")
	// The connection's certificate is the proxy's own.
	s.refused(s.check("GET", "/notes", `"peer":"10.1.2.3","certificate":"`+der+`"`, "authorization", at), 401, "invalid_token", "wrong_certificate cnf")
	s.mustOpen(conf)
	s.refused(s.check("GET", "/notes", `"certificate":"`+der+`","peer":"10.1.2.3"`, "authorization", at, "client-cert", der), 401, "invalid_token", "wrong_certificate cnf")
}
