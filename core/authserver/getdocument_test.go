package authserver_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// M124: whatever the site of a document does, the server gives up after five seconds or 16 KiB,
// follows no redirect, accepts only a valid document, and itself words the reason of a refusal.
func TestM124HostileSites(t *testing.T) {
	var reached atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(toolDocument("client_id", "http://"+r.Host+r.URL.Path)))
	}))
	t.Cleanup(inner.Close)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(bytes.Repeat([]byte(" "), 64<<20))
	z.Close()
	untilGone := func(w http.ResponseWriter, r *http.Request, piece string) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(piece)); err != nil {
				return
			}
			http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	for _, row := range []struct {
		name   string
		answer http.HandlerFunc
		status int
	}{
		{"good", func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(toolDocument("client_id", "http://"+r.Host+r.URL.Path)))
		}, 200},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 503},
		{"one byte after the other", func(w http.ResponseWriter, r *http.Request) { untilGone(w, r, " ") }, 503},
		{"without end", func(w http.ResponseWriter, r *http.Request) { untilGone(w, r, strings.Repeat(" ", 4096)) }, 400},
		{"a header without end", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, 503},
		{"a bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes())
		}, 400},
		{"a redirect to this host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, inner.URL+r.URL.Path, http.StatusFound)
		}, 400},
		{"a redirect to a cloud's metadata", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusPermanentRedirect)
		}, 400},
		{"a redirect to itself", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, 400},
		{"a connection that breaks", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 503},
		{"half of it", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(toolDocument()))
		}, 503},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" || r.Header.Get("Accept") != "application/json" || r.Header.Get("Cookie")+r.Header.Get("Authorization") != "" {
					t.Errorf("%s %v", r.Method, r.Header)
				}
				w.Header().Set("Content-Type", "application/json")
				row.answer(w, r)
			}))
			t.Cleanup(site.Close)
			b := newBench(t, func(c *authserver.Config) {
				c.InsecurePrivateAddresses = true
				c.ClientDocuments = authserver.GetClientDocuments(authserver.PublicTransport(site.URL))
			})
			resp := b.visit("GET", "/authorize?"+toolRequest("client_id", site.URL+"/c").Encode(), nil)
			if resp.Status != row.status || resp.Header.Get("Location") != "" || reached.Load() != 0 {
				t.Errorf("%d %v, %d requests elsewhere: %s", resp.Status, resp.Header, reached.Load(), resp.Body)
			}
		})
	}
}

// M124: a document is read from public addresses only, whatever the name in its URL is and whatever
// that name resolved to before: the address of the connection is checked.
func TestM124NamesThatLeadInside(t *testing.T) {
	var reached atomic.Int32
	inner := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(inner.Close)
	port := inner.URL[strings.LastIndex(inner.URL, ":"):]
	asked := make(chan string, 100)
	resolver := &net.Resolver{PreferGo: true, Dial: nameServer(t, asked)}
	const inside, refused = "no public address", "is not one that a document can be read from"
	for _, row := range []struct {
		name, host, says string
		looks            bool
	}{
		{"a name of this host", "rebound.example", inside, true},
		{"a name of this host, absolute", "rebound.example.", inside, true},
		{"localhost, absolute", "localhost.", refused, false},
		{"a name below localhost", "a.localhost", refused, false},
		{"loopback as one number", "2130706433", refused, false},
		{"a name of a network of one's own", "login.internal", refused, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, func(c *authserver.Config) {
				c.ClientDocuments = authserver.GetClientDocuments(authserver.GuardedTransport(resolver))
			})
			for range 2 {
				resp := b.visit("GET", "/authorize?"+toolRequest("client_id", "https://"+row.host+port+"/c").Encode(), nil)
				stopped(t, resp, "invalid_client")
				if !strings.Contains(string(resp.Body), row.says) {
					t.Errorf("%s", resp.Body)
				}
			}
			if looked := len(asked) > 0; row.looks != looked {
				t.Errorf("asked for the name: %v", looked)
			}
			for len(asked) > 0 {
				<-asked
			}
			if reached.Load() != 0 {
				t.Error("the inner site was reached")
			}
		})
	}
	// The default with a nil transport.
	get := authserver.GetClientDocuments(nil)
	if _, err := get(inner.URL); err == nil || reached.Load() != 0 {
		t.Errorf("%v, reached %d times", err, reached.Load())
	}
	if _, err := get("https://tool.example/%zz"); err == nil {
		t.Error("an address that is none")
	}
}

// nameServer answers each question for an IPv4 address with this host's.
func nameServer(t *testing.T, asked chan<- string) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for buffer := make([]byte, 512); ; {
			n, from, err := conn.ReadFrom(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil || n < 12 {
				continue
			}
			end := 12
			for end < n && buffer[end] != 0 {
				end += int(buffer[end]) + 1
			}
			if end+5 > n {
				continue
			}
			select {
			case asked <- string(buffer[12:end]):
			default:
			}
			// RFC 1035 section 4: the same header, with QR set, and the question.
			answer := append([]byte{buffer[0], buffer[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, buffer[12:end+5]...)
			if binary.BigEndian.Uint16(buffer[end+1:]) == 1 {
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
			}
			conn.WriteTo(answer, from)
		}
	}()
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}
}
