package main

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

func TestPort(t *testing.T) {
	for _, row := range []struct {
		given string
		port  int
		ok    bool
	}{{"", 8080, true}, {"9000", 9000, true}, {"0", 0, false}, {"65536", 0, false}, {"-1", 0, false}, {"http", 0, false}} {
		port, err := parsePort(row.given)
		if port != row.port || (err == nil) != row.ok {
			t.Errorf("PORT=%q: %d, %v", row.given, port, err)
		}
	}
}

// takenPort returns a port that is in use, whose next port seems to be free.
func takenPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestATakenPortGivesWayToTheNext(t *testing.T) {
	taken := takenPort(t)
	listeners, port, err := listen(taken, "127.0.0.1", "::1")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range listeners {
		defer l.Close()
		if got := l.Addr().(*net.TCPAddr); got.Port != port || !got.IP.IsLoopback() {
			t.Errorf("listens on %v", got)
		}
	}
	if port <= taken {
		t.Fatalf("port %d, and %d is taken", port, taken)
	}
}

func TestRunServesTwoOriginsUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, strconv.Itoa(takenPort(t)), testLife, "", func(page, _ string) { ready <- page })
	}()
	var page string
	select {
	case page = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	u, err := url.Parse(page)
	if err != nil || u.Hostname() != "localhost" || u.Path != "/" {
		t.Fatal(page, err)
	}
	answer, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	html := body(t, answer)
	_, rest, _ := strings.Cut(html, `data-issuer="`)
	issuer, _, _ := strings.Cut(rest, `"`)
	if !strings.HasPrefix(issuer, "http://127.0.0.1:") || strings.HasSuffix(issuer, ":"+u.Port()) {
		t.Fatalf("the issuer is %q", issuer)
	}
	answer, err = http.Get(issuer + "/.well-known/oauth-authorization-server")
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(body(t, answer), `"issuer":"`+issuer+`"`) {
		t.Fatal(answer, err)
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(oauthtest.Patience):
		t.Fatal("still running")
	}
	if _, err := http.Get(page); err == nil {
		t.Fatal("still serving")
	}
}

// D15: with -phone, only the page for the TV's code can be reached from the network, and the first
// page knows its address. Loopback stands for the network.
func TestPhone(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- run(ctx, strconv.Itoa(takenPort(t)), testLife, "127.0.0.1", func(page, _ string) { ready <- page })
	}()
	var page string
	select {
	case page = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	answer, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(body(t, answer), `data-phone="`)
	phone, _, _ := strings.Cut(rest, `"`)
	for path, want := range map[string]int{devicePath: 200, devicePath + "?user_code=ABCD-EFGH": 200, "/token": 404, "/authorize": 404, "/api/notes": 404, "/": 404, countPath: 404} {
		answer, err := http.Get(phone + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if address, err := phoneAddress(anyPhone); err == nil {
		if a, err := netip.ParseAddr(address); err != nil || !a.IsPrivate() {
			t.Error(address, err)
		}
	}
}
