package backend_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// hastyEngine gives bodies no time, so that tests need not wait for the time limit.
type hastyEngine struct{ oauth.Engine }

func (h hastyEngine) Effect(handle int32) []byte {
	raw := h.Engine.Effect(handle)
	if strings.Contains(string(raw), `"kind":"body"`) {
		raw = []byte(strings.NewReplacer(`"timeout_ms":10000`, `"timeout_ms":1`, `"timeout_ms":30000`, `"timeout_ms":1`).Replace(string(raw)))
	}
	return raw
}

// dial sends the head of a request and no body.
func (s *site) dial(head string) (net.Conn, *bufio.Reader) {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.app.Listener.Addr().String(), s.app.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) // only a server that waits for the body reaches it
	if _, err := io.WriteString(conn, head); err != nil {
		s.t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// TestIdlePosters: for a body that is not needed, the server does not wait; for one that is needed,
// it waits a limited time. Then the connection ends, because the rest of the body may still come
// (S31, S32).
func TestIdlePosters(t *testing.T) {
	s := newSite(t)
	h, err := backend.New(hastyEngine{bff.Engine()}, s.config, s.opts)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(h)
	const form = "Content-Type: application/x-www-form-urlencoded\r\n"
	for _, row := range []struct {
		name, path, lines string
		status            int
		body              string
	}{
		{"no page of ours", "/api/x", "", 403, "foreign_origin"},
		{"no form", "/auth/backchannel_logout", "", 400, "invalid_request"},
		{"nothing there", "/nothing", form, 404, "not_found"},
		{"no attempt", "/auth/callback", form, 400, "unknown_attempt"},
		{"a logout token that does not come", "/auth/backchannel_logout", form, 408, "timeout"},
	} {
		for _, framing := range []string{"Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"} {
			t.Run(row.name+" "+framing[:7], func(t *testing.T) {
				_, in := s.dial(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n", row.path, s.app.Listener.Addr(), row.lines, framing))
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if s.want(res, string(body), row.status, row.body); err != nil || !res.Close {
					t.Error(err, res.Header)
				}
				if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 {
					t.Error("the connection goes on:", err, rest)
				}
			})
		}
	}
	t.Run("a body that was read leaves the connection as it was", func(t *testing.T) {
		s := newSite(t) // its bodies have the normal time limit
		h, err := backend.New(bff.Engine(), s.config, s.opts)
		if err != nil {
			t.Fatal(err)
		}
		s.serve(h)
		conn, in := s.dial("")
		for range 2 {
			fmt.Fprintf(conn, "POST /auth/backchannel_logout HTTP/1.1\r\nHost: %s\r\n%sContent-Length: 14\r\n\r\nlogout_token=x", s.app.Listener.Addr(), form)
			res, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			if s.want(res, string(body), 400, "malformed"); res.Close {
				t.Error(res.Header)
			}
		}
	})
}
