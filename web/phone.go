package main

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
)

// devicePath is the page on which a user enters the code of a device (RFC 8628 section 3.3).
const devicePath = "/device"

// anyPhone is a value of the flag -phone: the address that this machine has in its network.
const anyPhone = "lan"

// phoneAddress returns the address for phones: none for "", and for "lan" an address of this
// machine.
func phoneAddress(wanted string) (string, error) {
	if wanted != anyPhone {
		return wanted, nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is4() && prefix.Addr().IsPrivate() {
			return prefix.Addr().String(), nil
		}
	}
	return "", errors.New("-phone: this machine has no address in a private network; name one: -phone 192.0.2.7")
}

// forPhones serves only the page for devices to the network. The connection is not encrypted, so
// use it only with the demo's account.
func forPhones(server http.Handler, host string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != devicePath || r.Host != host {
			http.NotFound(w, r)
			return
		}
		server.ServeHTTP(w, r)
	})
}
