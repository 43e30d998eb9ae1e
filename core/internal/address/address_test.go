package address

import (
	"net/netip"
	"strings"
	"testing"
)

// addresses are texts: some are addresses, some are not.
var addresses = []string{"0.0.0.0", "10.0.0.1", "255.255.255.255", "256.0.0.1", "1.2.3", "1.2.3.4.", ".1.2.3.4", "01.2.3.4", "1.2.3.4.5", "::", "::1", "1::", "fe80::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7:8:9", "1::2::3", ":::", "::ffff:10.0.0.1", "64:ff9b::1.2.3.4", "::1.2.3.4:5", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "12345::", "g::", "fe80::1%eth0", ":", "1:", ":1", "", "1::%"}

func sameAddress(t *testing.T, s string) {
	t.Helper()
	ours, ok := Read(s)
	theirs, err := netip.ParseAddr(s)
	if strings.Contains(s, "%") {
		return // zones are not read here
	}
	if ok != (err == nil) || ok && ours != Address(theirs.As16()) {
		t.Errorf("%q: %v %t, net/netip has %v %v", s, ours, ok, theirs, err)
	}
}

// TestAddresses: we read addresses as net/netip does, and our networks contain the same addresses
// (R31).
func TestAddresses(t *testing.T) {
	for _, s := range addresses {
		sameAddress(t, s)
	}
	for _, s := range []string{"10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "fd00::/8", "::1/128", "::/0", "10.0.0.0/33", "10.0.0.0/x", "fd00::/129", "10.0.0.0/08"} {
		n, ok := ReadNetwork(s)
		p, err := netip.ParsePrefix(s)
		if ok != (err == nil) {
			t.Errorf("%s: %t %v", s, ok, err)
			continue
		}
		for _, a := range []string{"10.0.0.1", "10.1.2.3", "11.0.0.1", "fd00::1", "::1", "fe00::1"} {
			addr := netip.MustParseAddr(a)
			here, _ := Read(a)
			if ok && addr.Is4() == p.Addr().Is4() && n.Holds(here) != p.Contains(addr) {
				t.Errorf("%s holds %s: %t", s, a, n.Holds(here))
			}
		}
	}
	mapped, _ := Read("::ffff:10.1.2.3")
	if n, _ := ReadNetwork("10.0.0.0/8"); !n.Holds(mapped) {
		t.Error("an IPv4 address as a socket of IPv6 shows it")
	}
}

// FuzzAddress compares how we and net/netip read addresses.
func FuzzAddress(f *testing.F) {
	for _, s := range addresses {
		f.Add(s)
	}
	f.Fuzz(sameAddress)
}
