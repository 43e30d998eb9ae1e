package address

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// TestPublic: M20: an address that is not public is recognised in every spelling, and so are names
// of this machine or network.
func TestPublic(t *testing.T) {
	for host, want := range map[string]bool{
		"mcp.example.com": true, "mcp.example.com.": true, "xn--bcher-kva.example": true, "1.example": true, "a_b.example": true, "1e100.net": true, "0x7f.example": true,
		"localhost": false, "localhost.": false, "a.localhost": false, "metadata": false, "metadata.google.internal": false, "printer.local": false, "nas.home.arpa": false, "": false, ".": false, "..": false, "a..example": false, ".example.com": false, "a b.example": false,
		// As decimal, octal and hexadecimal numbers, of one to four parts.
		"8.8.8.8": true, "8.8.8.8.": true, "134744072": true, "0x08080808": true, "8.526344": true, "010.010.010.010": true,
		"127.0.0.1": false, "127.1": false, "2130706433": false, "0x7f000001": false, "017700000001": false, "0x7f.1": false, "0177.0.0.1": false, "0": false, "0x": false, "0.0.0.0": false, "127.0.0.1.": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.32.0.1": true, "192.168.1.1": false, "192.0.0.1": false, "192.1.0.1": true, "100.64.0.1": false, "100.128.0.1": true, "169.254.169.254": false, "2852039166": false, "198.18.0.1": false, "198.20.0.1": true, "224.0.0.1": false, "255.255.255.255": false,
		"4294967296": false, "1.2.3.4.5": false, "256.1.1.1": false, "1.2.3.256": false, "08.8.8.8": false, "8.8.8.08": false, "example.1": false,
		"[2606:4700:4700::1111]": true, "[::1]": false, "[::]": false, "[fe80::1]": false, "[fc00::1]": false, "[fec0::1]": false, "[ff02::1]": false, "[2001:db8::1]": false, "[2002:7f00:1::]": false, "[2001::1]": false, "[3fff::1]": false,
		"[::ffff:127.0.0.1]": false, "[::ffff:7f00:1]": false, "[::ffff:8.8.8.8]": true, "[::127.0.0.1]": false, "[64:ff9b::7f00:1]": false, "[64:ff9b::8.8.8.8]": true, "[64:ff9b:1::8.8.8.8]": false, "[8.8.8.8]": false, "[::1%lo]": false, "[]": false,
	} {
		if got := Public(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}

// numbers are networks in which no address is public.
var numbers = []string{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"}

func public(a netip.Addr) bool {
	if b := a.As16(); a.Is6() && (a.Is4In6() || netip.MustParsePrefix("64:ff9b::/96").Contains(a)) {
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	for _, n := range numbers {
		if netip.MustParsePrefix(n).Contains(a) {
			return false
		}
	}
	return true
}

func samePublic(t *testing.T, b []byte) {
	t.Helper()
	if len(b) == 16 {
		a := netip.AddrFrom16([16]byte(b))
		if got := Address(b).IsPublic(); got != public(a) {
			t.Errorf("%s: %t", a, got)
		}
		if got := Public("[" + a.WithZone("").String() + "]"); got != public(a) {
			t.Errorf("[%s]: %t", a, got)
		}
		b = b[12:]
	}
	if len(b) < 4 {
		return
	}
	a := netip.AddrFrom4([4]byte(b[:4]))
	want, n := public(a), binary.BigEndian.Uint32(b)
	for _, host := range []string{a.String(), a.String() + ".", fmt.Sprint(n), fmt.Sprintf("0x%X", n), fmt.Sprintf("0%o", n), fmt.Sprintf("%d.%d", n>>24, n&0xffffff), fmt.Sprintf("0x%x.0%o.%d", n>>24, n>>16&255, n&0xffff), fmt.Sprintf("%d.%d.0x%x.%d", n>>24, n>>16&255, n>>8&255, n&255)} {
		if got := Public(strings.ToLower(host)); got != want {
			t.Errorf("%s, which is %s: %t", host, a, got)
		}
	}
}

// TestPublicAddresses: M20: both ends of every network, and their neighbours, are judged as
// net/netip judges them. js/test/mcp.test.mjs checks Node's rule with the same lines.
func TestPublicAddresses(t *testing.T) {
	raw, err := os.ReadFile("testdata/public.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(raw)) {
		text, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		a := netip.MustParseAddr(text)
		if got := Address(a.As16()).IsPublic(); fmt.Sprint(got) != want {
			t.Errorf("%s: %t", text, got)
		}
		samePublic(t, a.AsSlice())
		lines++
	}
	if lines < 100 {
		t.Errorf("%d lines", lines)
	}
}

// FuzzPublic compares our rule with net/netip, for all spellings of an address.
func FuzzPublic(f *testing.F) {
	for _, n := range numbers {
		f.Add(netip.MustParsePrefix(n).Addr().AsSlice())
	}
	f.Fuzz(samePublic)
}

// FuzzHost: we never call a host public if net/netip reads it as an address that is not.
func FuzzHost(f *testing.F) {
	for _, s := range addresses {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		host = strings.ToLower(host)
		a, err := netip.ParseAddr(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
		if err == nil && Public(host) && !public(a.WithZone("")) {
			t.Errorf("%q is public", host)
		}
	})
}
