package oauth

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// M33: a name may resolve to any address. The host checks the address when it connects, whichever
// dialer is used; a proxy connects itself.
func TestPublicClient(t *testing.T) {
	reached := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	t.Cleanup(server.Close)
	here := strings.TrimPrefix(server.URL, "http://")
	there := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, here)
	}
	for name, c := range map[string]*http.Client{
		"the default":            {},
		"a transport of its own": {Transport: &http.Transport{}},
		"a dialer of its own":    {Transport: &http.Transport{DialContext: there}},
		"a dialer for TLS":       {Transport: &http.Transport{DialTLSContext: there}},
	} {
		url := "http://rebinding.example/"
		switch name {
		case "a dialer for TLS":
			url = "https://rebinding.example/"
		case "the default", "a transport of its own":
			url = server.URL
		}
		guarded := publicClient(withoutRedirects(c))
		_, err := guarded.Get(url)
		if !errors.Is(err, errNotPublic) || failureOf(t.Context(), err) != "denied" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if reached != 0 {
		t.Errorf("%d requests came through", reached)
	}
	at, err := http.NewRequest("GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	proxied := publicClient(&http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(at.URL)}})
	if res, err := proxied.Get("http://rebinding.example/"); err != nil || reached != 1 {
		t.Error(err, reached)
	} else {
		res.Body.Close()
	}
	for addr, want := range map[string]bool{"8.8.8.8:443": true, "[2606:4700::1]:443": true, "127.0.0.1:80": false, "[::ffff:10.0.0.1]:80": false, "[fe80::1%lo]:80": false, "/run/socket": false, "@": false} {
		if publicAddress(addr) != want {
			t.Error(addr)
		}
	}
}
