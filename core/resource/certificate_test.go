package resource

import (
	"crypto/sha256"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

// TestScenarioCertificate: a token that is bound to a certificate is good on a connection with it,
// or behind a proxy that is listed and says so (R30, R31).
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

// addresses are texts that are some, and some that are not.
var addresses = []string{"0.0.0.0", "10.0.0.1", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.", ".1.2.3.4", "01.2.3.4", "1.2.3.4.5", "::", "::1", "1::", "fe80::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7:8:9", "1::2::3", ":::", "::ffff:10.0.0.1", "64:ff9b::1.2.3.4", "::1.2.3.4:5", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "12345::", "g::", "fe80::1%eth0", ":", "1:", ":1", "", "1::%"}

func sameAddress(t *testing.T, s string) {
	t.Helper()
	ours, ok := readAddress(s)
	theirs, err := netip.ParseAddr(s)
	if strings.Contains(s, "%") {
		return // zones are not read here
	}
	if ok != (err == nil) || ok && ours != address(theirs.As16()) {
		t.Errorf("%q: %v %t, net/netip has %v %v", s, ours, ok, theirs, err)
	}
}

// TestAddresses: addresses are read as net/netip reads them, and networks hold what theirs hold
// (R31).
func TestAddresses(t *testing.T) {
	for _, s := range addresses {
		sameAddress(t, s)
	}
	for _, s := range []string{"10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "fd00::/8", "::1/128", "::/0", "10.0.0.0/33", "10.0.0.0/x", "fd00::/129", "10.0.0.0/08"} {
		n, ok := readNetwork(s)
		p, err := netip.ParsePrefix(s)
		if ok != (err == nil) {
			t.Errorf("%s: %t %v", s, ok, err)
			continue
		}
		for _, a := range []string{"10.0.0.1", "10.1.2.3", "11.0.0.1", "fd00::1", "::1", "fe00::1"} {
			addr := netip.MustParseAddr(a)
			here, _ := readAddress(a)
			if ok && addr.Is4() == p.Addr().Is4() && n.holds(here) != p.Contains(addr) {
				t.Errorf("%s holds %s: %t", s, a, n.holds(here))
			}
		}
	}
	mapped, _ := readAddress("::ffff:10.1.2.3")
	if n, _ := readNetwork("10.0.0.0/8"); !n.holds(mapped) {
		t.Error("an IPv4 address as a socket of IPv6 shows it")
	}
}

// FuzzAddress holds our reading of addresses against net/netip.
func FuzzAddress(f *testing.F) {
	for _, s := range addresses {
		f.Add(s)
	}
	f.Fuzz(sameAddress)
}
