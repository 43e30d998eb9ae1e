package backend_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// echoes is an API whose WebSockets send back what they get. heard gets the requests, gone a value
// for each connection that ended.
func echoes(heard chan<- *http.Request, gone chan<- struct{}) func(w http.ResponseWriter, r *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || strings.HasSuffix(r.URL.Path, "/no") {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		heard <- r
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
		if strings.HasSuffix(r.URL.Path, "/deaf") {
			<-time.After(oauthtest.Patience)
			return
		}
		io.Copy(conn, buffered.Reader)
		gone <- struct{}{}
	}
}

// ticket asks for a ticket, as a page does, and returns the subprotocols.
func (b *browser) ticket(path string) string {
	b.s.t.Helper()
	res, body := b.call("POST", base+"/ticket?path="+url.QueryEscape(path), nil)
	b.s.want(res, body, 200, "protocols")
	var got struct{ Protocols []string }
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		b.s.t.Fatal(err)
	}
	return strings.Join(got.Protocols, ", ")
}

// open does the handshake, and returns the connection and the status of the answer.
func (b *browser) open(path, protocols string) (conn net.Conn, in *bufio.Reader, status int, head string) {
	b.s.t.Helper()
	at, _ := url.Parse(b.s.app.URL)
	var cookies []string
	for _, c := range b.Jar.Cookies(at) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	conn, in = b.s.dial("GET " + path + " HTTP/1.1\r\nHost: " + at.Host + "\r\nOrigin: " + b.s.app.URL + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: " + strings.Join(cookies, "; ") +
		"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: " + protocols + "\r\n\r\nbehind")
	conn.SetDeadline(time.Now().Add(oauthtest.Patience))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			b.s.t.Fatal(err, head)
		}
		if head += line; line == "\r\n" {
			break
		}
	}
	fmt.Sscanf(head, "HTTP/1.1 %d", &status)
	return conn, in, status, head
}

func says(t *testing.T, in io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
		t.Fatalf("want %q, got %q %v", want, got, err)
	}
}

// hears waits for a value of a channel.
func hears[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(oauthtest.Patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func newEchoes(t *testing.T, change ...func(*site, *authserver.Config, *authserver.Client)) (s *site, heard chan *http.Request, gone chan struct{}) {
	s = newSite(t, append(change, func(s *site, _ *authserver.Config, _ *authserver.Client) {
		s.opts.Store = &oauth.MemoryStore{Now: s.clock.now}
	})...)
	heard, gone = make(chan *http.Request, 100), make(chan struct{}, 100)
	s.answerWith(echoes(heard, gone))
	return s, heard, gone
}

// TestSockets: a page opens a WebSocket with a ticket. The API gets the token and no ticket, data
// that is sent with the handshake is not lost, and the ticket does not work again (B30, B32).
func TestSockets(t *testing.T) {
	s, heard, gone := newEchoes(t)
	b := s.signedIn()
	protocols := b.ticket("/api/live")
	conn, in, status, head := b.open("/api/live?room=1", protocols)
	if status != 101 || !strings.Contains(head, "Sec-Websocket-Protocol: oauth2\r\n") || strings.Contains(head, "ticket") {
		t.Fatal(head)
	}
	r := hears(t, heard)
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.URL.RequestURI() != "/v1/live?room=1" || r.Header.Get("Sec-WebSocket-Protocol") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Origin") != "" {
		t.Error(r.URL, r.Header)
	}
	says(t, in, "behind")
	io.WriteString(conn, "hello")
	says(t, in, "hello")
	if _, _, status, _ := b.open("/api/live", protocols); status != 403 {
		t.Error("a ticket counts twice:", status)
	}
	// If a browser vanishes, the API's connection is closed.
	conn.Close()
	hears(t, gone)
	// If the API refuses, the browser gets its answer.
	if _, _, status, _ := b.open("/api/no", b.ticket("/api/no")); status != http.StatusUpgradeRequired {
		t.Error(status)
	}
}

// TestOpenSocketsEnd: a connection ends with the session, wherever that is ended, and with the
// token (B33).
func TestOpenSocketsEnd(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(s *site, b *browser)
	}{
		{"a sign-out", func(s *site, b *browser) { b.call("POST", base+"/logout", nil) }},
		{"a sign-out at another process", func(s *site, b *browser) {
			s.serve(s.handler())
			b.call("POST", base+"/logout", nil)
		}},
		{"the end of the token", func(s *site, b *browser) { s.clock.moveOn(2 * time.Hour) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, heard, gone := newEchoes(t)
			b := s.signedIn()
			conn, in, status, head := b.open("/api/live", b.ticket("/api/live"))
			if status != 101 {
				t.Fatal(head)
			}
			hears(t, heard)
			says(t, in, "behind")
			row.end(s, b)
			if rest, err := io.ReadAll(in); len(rest) > 0 || os.IsTimeout(err) {
				t.Error(rest, err)
			}
			hears(t, gone)
			conn.Close()
		})
	}
}

// TestEventsEnd: a stream of events ends with the session in such a way that the EventSource asks
// again, with the id of the last event (B37).
func TestEventsEnd(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	last := make(chan string, 10)
	s.answerWith(func(w http.ResponseWriter, r *http.Request) {
		last <- r.Header.Get("Last-Event-ID")
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "id: 7\ndata: 1\n\n")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	for _, id := range []string{"", "7"} {
		res, err := b.Do(b.request("GET", "/api/events", nil, "Accept", "text/event-stream", "Sec-Fetch-Site", "same-origin", "Last-Event-ID", id))
		if err != nil || res.StatusCode != 200 {
			t.Fatal(err, res)
		}
		says(t, res.Body, "id: 7\ndata: 1\n\n")
		if got := hears(t, last); got != id {
			t.Error(got)
		}
		if id == "" {
			res.Body.Close()
			continue
		}
		b.call("POST", base+"/logout", nil)
		if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
			t.Error(err, string(rest))
		}
	}
	res, body := b.do(b.request("GET", "/api/events", nil, "Accept", "text/event-stream", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"))
	s.want(res, body, 403, "foreign_origin")
}

// TestOneTicketAtTwoProcesses: if two use it at once, one of them opens a WebSocket (B32).
func TestOneTicketAtTwoProcesses(t *testing.T) {
	s, _, _ := newEchoes(t)
	handlers := []http.Handler{s.handler(), s.handler()}
	var turn atomic.Int64
	b := s.signedIn()
	s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers[turn.Add(1)%2].ServeHTTP(w, r)
	}))
	// A browser that another handler signed in has its session only in the store.
	s.opts.Store = nil
	for range 5 {
		b = s.signedIn()
		protocols := b.ticket("/api/live")
		statuses := make(chan int, 4)
		for range cap(statuses) {
			go func() {
				conn, _, status, _ := b.open("/api/live", protocols)
				conn.Close()
				statuses <- status
			}()
		}
		opened := 0
		for range cap(statuses) {
			if status := hears(t, statuses); status == 101 {
				opened++
			} else if status != 403 {
				t.Error(status)
			}
		}
		if opened != 1 {
			t.Fatalf("%d sockets of one ticket", opened)
		}
	}
}

// TestSocketsAreBounded: a session has at most sixteen at once, and if a reader is slow, the sender
// is slowed down (B34).
func TestSocketsAreBounded(t *testing.T) {
	s, heard, gone := newEchoes(t)
	b := s.signedIn()
	var conns []net.Conn
	for range 16 {
		conn, _, status, head := b.open("/api/live", b.ticket("/api/live"))
		if status != 101 {
			t.Fatal(head)
		}
		hears(t, heard)
		conns = append(conns, conn)
	}
	if _, _, status, _ := b.open("/api/live", b.ticket("/api/live")); status != 429 {
		t.Error(status)
	}
	conns[0].Close()
	hears(t, gone)
	var conn net.Conn
	for status := 429; status == 429; { // a closed connection counts until the handler is done
		if conn, _, status, _ = b.open("/api/deaf", b.ticket("/api/deaf")); status != 101 && status != 429 {
			t.Fatal(status)
		}
	}
	hears(t, heard)
	const most = 64 << 20
	piece, wrote := make([]byte, 64<<10), 0
	for wrote < most {
		conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
		n, err := conn.Write(piece)
		if wrote += n; err != nil {
			break
		}
	}
	if wrote >= most {
		t.Error("what the API does not read is held")
	}
	for _, c := range append(conns, conn) {
		c.Close()
	}
}
