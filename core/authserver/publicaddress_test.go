package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// S102: which addresses are public (RFC 6890 and its registries).
func TestS102PublicAddresses(t *testing.T) {
	for _, row := range []struct {
		name    string
		address string
		public  bool
	}{
		{"IPv4", "8.8.8.8", true},
		{"IPv6", "2606:4700::1111", true},
		{"IPv4 in IPv6", "::ffff:8.8.8.8", true},
		{"below a private range", "172.15.255.255", true},
		{"above a private range", "172.32.0.0", true},
		{"below carriers' NAT", "100.63.255.255", true},
		{"above carriers' NAT", "100.128.0.0", true},
		{"this network", "0.0.0.0", false},
		{"this network, another host", "0.1.2.3", false},
		{"unspecified IPv6", "::", false},
		{"loopback", "127.0.0.1", false},
		{"loopback, another", "127.255.255.254", false},
		{"loopback IPv6", "::1", false},
		{"loopback in IPv6", "::ffff:127.0.0.1", false},
		{"loopback, compatible", "::127.0.0.1", false},
		{"loopback, translated", "::ffff:0:127.0.0.1", false},
		{"private 10", "10.1.2.3", false},
		{"private 172.16", "172.16.0.1", false},
		{"private 172.31", "172.31.255.255", false},
		{"private 192.168", "192.168.0.1", false},
		{"private in IPv6", "::ffff:10.0.0.1", false},
		{"carriers' NAT", "100.64.0.1", false},
		{"carriers' NAT, last", "100.127.255.255", false},
		{"link-local, metadata of a cloud", "169.254.169.254", false},
		{"the same in IPv6", "::ffff:169.254.169.254", false},
		{"metadata of a cloud in IPv6", "fd00:ec2::254", false},
		{"link-local IPv6", "fe80::1", false},
		{"link-local IPv6 with a zone", "fe80::1%eth0", false},
		{"a public one with a zone", "2606:4700::1111%eth0", false},
		{"site-local IPv6", "fec0::1", false},
		{"unique local", "fc00::1", false},
		{"unique local, the other half", "fdff::1", false},
		{"NAT64 of loopback", "64:ff9b::127.0.0.1", false},
		{"NAT64 of a public one, by which a host without IPv4 reaches it", "64:ff9b::8.8.8.8", true},
		{"NAT64 of a private one", "64:ff9b::10.0.0.1", false},
		{"local NAT64", "64:ff9b:1::1", false},
		{"6to4 of a private one", "2002:a00:1::1", false},
		{"Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2", false},
		{"ORCHID", "2001:20::1", false},
		{"documentation", "192.0.2.1", false},
		{"documentation 2", "198.51.100.1", false},
		{"documentation 3", "203.0.113.1", false},
		{"documentation IPv6", "2001:db8::1", false},
		{"documentation IPv6 2", "3fff::1", false},
		{"protocol assignments", "192.0.0.8", false},
		{"benchmarks", "198.18.0.1", false},
		{"6to4 relay", "192.88.99.1", false},
		{"multicast", "224.0.0.1", false},
		{"multicast IPv6", "ff02::1", false},
		{"reserved", "240.0.0.1", false},
		{"broadcast", "255.255.255.255", false},
		{"discard", "100::1", false},
		{"not assigned", "4000::1", false},
		{"none", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			ip, _ := netip.ParseAddr(row.address)
			if got := authserver.IsPublicAddress(ip); got != row.public {
				t.Errorf("%s: %v", row.address, got)
			}
		})
	}
}

// S103: the transport connects to none of the host's own addresses, by any name. It checks when it
// connects, so it does not matter what the name resolved to before. An allowed origin must match
// exactly.
func TestS103PublicTransport(t *testing.T) {
	var reached atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer site.Close()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	port, otherPort := site.URL[strings.LastIndex(site.URL, ":"):], other.URL[strings.LastIndex(other.URL, ":"):]
	for _, row := range []struct {
		name    string
		allowed []string
		url     string
		reaches bool
	}{
		{"loopback", nil, site.URL, false},
		{"a name of loopback", nil, "http://localhost" + port, false},
		{"loopback in IPv6", nil, "http://[::ffff:127.0.0.1]" + port, false},
		{"this host", nil, "http://0.0.0.0" + port, false},
		{"this host in IPv6", nil, "http://[::]" + port, false},
		{"a short way to write it", nil, "http://127.1" + port, false},
		{"a number", nil, "http://2130706433" + port, false},
		{"allowed", []string{site.URL}, site.URL, true},
		{"allowed, and a path", []string{site.URL}, site.URL + "/back?x", true},
		{"another port of what is allowed", []string{site.URL}, "http://127.0.0.1" + otherPort, false},
		{"another name of what is allowed", []string{site.URL}, "http://localhost" + port, false},
		{"another scheme of what is allowed", []string{site.URL}, "https://127.0.0.1" + port, false},
		{"what is allowed as user information", []string{site.URL}, "http://127.0.0.1" + port + "@127.0.0.1" + otherPort, false},
		{"what is allowed in front", []string{"http://127.0.0.1"}, site.URL, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := reached.Load()
			client := &http.Client{Transport: authserver.PublicTransport(row.allowed...)}
			defer client.CloseIdleConnections()
			resp, err := client.Get(row.url)
			if err == nil {
				resp.Body.Close()
			}
			if got := reached.Load() > before; got != row.reaches || (err == nil) != row.reaches {
				t.Errorf("reached %v, error %v", got, err)
			}
		})
	}
}

// S103: a connection to an allowed origin is not reused for another name, the transport gives up an
// endless answer, and a redirect is not followed.
func TestS103LogoutTokensGoNowhereElse(t *testing.T) {
	inner := make(chan string, 4)
	private := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner <- r.URL.Path }))
	defer private.Close()
	outer := make(chan string, 4)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		} else {
			http.Redirect(w, r, private.URL+"/redirected", http.StatusTemporaryRedirect)
		}
		outer <- r.URL.Path
	}))
	transport := authserver.PublicTransport(site.URL)
	post := authserver.PostLogoutTokens(transport)
	post(private.URL+"/direct", "t")
	post(site.URL+"/back", "t")
	if got := <-outer; got != "/back" {
		t.Error(got)
	}
	r, err := http.NewRequest("POST", site.URL+"/long", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := transport.RoundTrip(r); err == nil {
		resp.Body.Close()
		t.Error("a header of 1 MiB was read")
	}
	site.Close() // waits for running requests
	if len(inner) != 0 {
		t.Error("a request came to", <-inner)
	}
}

// S103: a client that does not answer delays a limited number of posts, and none of other clients.
func TestS103PostsUnderWayAreBounded(t *testing.T) {
	arrived, release := make(chan bool, 100), make(chan bool)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- true
		<-release
	}))
	told := make(chan bool, 1)
	quick := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told <- true }))
	post := authserver.PostLogoutTokens(authserver.PublicTransport(slow.URL, quick.URL))
	for range 50 {
		post(slow.URL, "t")
	}
	for range 32 {
		<-arrived
	}
	post(quick.URL, "t")
	<-told
	close(release)
	slow.Close()
	quick.Close()
	if len(arrived) != 0 {
		t.Errorf("%d more than 32", len(arrived))
	}
}

// S103: a URL that a client registers for the server to call must be https, and its address public,
// unless the server is for tests (OpenID Connect Back-Channel Logout section 2.2). The server
// fetches nothing else that a client names, neither keys nor a request; a frame is loaded by the
// user's browser.
func TestS103RegisteredAddresses(t *testing.T) {
	for _, row := range []struct {
		uri    string
		public bool
	}{
		{"https://client.example/back", true},
		{"https://8.8.8.8/back", true},
		{"http://client.example/back", false},
		{"http://127.0.0.1/back", false},
		{"https://127.0.0.1/back", false},
		{"https://localhost/back", false},
		{"https://[::1]/back", false},
		{"https://[::ffff:10.0.0.1]/back", false},
		{"https://169.254.169.254/latest/meta-data", false},
		{"https://[fd00::1]/back", false},
	} {
		t.Run(row.uri, func(t *testing.T) {
			open := func(c *authserver.Config) { c.InsecureOpenRegistration = true }
			private := func(c *authserver.Config) { c.InsecurePrivateAddresses = true }
			body, err := json.Marshal(map[string]any{"redirect_uris": []string{"https://client.example/cb"}, "backchannel_logout_uri": row.uri})
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusBadRequest
			if row.public {
				want = http.StatusCreated
			}
			if r := newBench(t, open).register("", string(body)); r.Status != want {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			u, err := url.Parse(row.uri)
			if err != nil {
				t.Fatal(err)
			}
			if r := newBench(t, open, private).register("", string(body)); (r.Status == http.StatusCreated) == (u.Scheme == "http" && u.Hostname() == "client.example") {
				t.Errorf("for tests: %d %s", r.Status, r.Body)
			}
		})
	}
	b := newBench(t, func(c *authserver.Config) { c.InsecureOpenRegistration = true })
	for _, name := range []string{"jwks_uri", "request_uris", "sector_identifier_uri", "logo_uri"} {
		uri := any("http://127.0.0.1/x")
		if name == "request_uris" {
			uri = []any{uri}
		}
		body, err := json.Marshal(map[string]any{"redirect_uris": []string{"https://client.example/cb"}, name: uri})
		if err != nil {
			t.Fatal(err)
		}
		if r := b.register("", string(body)); strings.Contains(string(r.Body), "127.0.0.1") {
			t.Errorf("%s is kept: %s", name, r.Body)
		}
	}
	stopped(t, b.visit("GET", "/authorize?client_id=spa&request_uri=https%3A%2F%2F127.0.0.1%2Frequest", nil), "invalid_request_uri")
}
