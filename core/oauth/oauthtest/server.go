package oauthtest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Handler is the server of the contract suite. It is open to every origin (CORS), so that hosts in
// browsers can use it. It counts requests by the id that a request names.
func Handler() http.Handler {
	s := &server{seen: map[string]*seen{}, gzips: map[int64][]byte{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/redirect/{code}", s.redirect)
	mux.HandleFunc("/bytes/{n}", s.bytes)
	mux.HandleFunc("/endless", s.endless)
	mux.HandleFunc("/cut", cut)
	mux.HandleFunc("/hang", s.hang)
	mux.HandleFunc("/stall", s.stall)
	mux.HandleFunc("/sleep", s.sleep)
	mux.HandleFunc("/status/{code}", s.status)
	mux.HandleFunc("/headers", s.headers)
	mux.HandleFunc("/binary", s.binary)
	mux.HandleFunc("/mark", s.mark)
	mux.HandleFunc("/cookie", s.cookie)
	mux.HandleFunc("/record", s.record)
	mux.HandleFunc("/recorded", s.recorded)
	mux.HandleFunc("/seen", s.counts)
	return open(mux)
}

// open answers preflights and lets scripts of every origin read everything (Fetch Standard, CORS
// protocol). The wildcard excludes credentials, so a host that sends them fails.
func open(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "*")
		h.Set("Cache-Control", "no-store")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
			asked := r.Header.Get("Access-Control-Request-Headers")
			if asked == "" {
				asked = "*"
			}
			h.Set("Access-Control-Allow-Headers", asked) // the wildcard does not cover Authorization
			h.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Patience is how long a test waits for something that must happen. It is so long that only a hang
// reaches it, because no test depends on time.
const Patience = 5 * time.Minute

type server struct {
	mu   sync.Mutex
	seen map[string]*seen

	packing sync.Mutex
	// gzips are compressed bodies by their length in bytes.
	gzips map[int64][]byte
}

// seen is what came under one id since its last reset.
type seen struct {
	started, gone int
	last          map[string]any
}

func (s *server) at(r *http.Request, f func(*seen)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.URL.Query().Get("id")
	if s.seen[id] == nil {
		s.seen[id] = &seen{}
	}
	f(s.seen[id])
}

// count counts a request that does not end by itself. left counts its end if the client ended it.
func (s *server) count(r *http.Request) (left func()) {
	s.at(r, func(c *seen) { c.started++ })
	return func() {
		if r.Context().Err() != nil {
			s.at(r, func(c *seen) { c.gone++ })
		}
	}
}

func (s *server) redirect(w http.ResponseWriter, r *http.Request) {
	code, _ := strconv.Atoi(r.PathValue("code"))
	s.at(r, func(c *seen) { c.started++ })
	w.Header().Set("Location", "/record?id="+r.URL.Query().Get("id"))
	w.WriteHeader(code)
}

func (s *server) bytes(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.ParseInt(r.PathValue("n"), 10, 64)
	w.Header().Set("Content-Type", "text/plain")
	if !r.URL.Query().Has("packed") {
		io.CopyN(w, xs{}, n)
		return
	}
	packed := s.packed(n)
	w.Header().Set("Content-Encoding", "gzip")
	w.Header().Set("Content-Length", strconv.Itoa(len(packed)))
	w.Write(packed)
}

// packed returns n bytes, compressed once for all requests.
func (s *server) packed(n int64) []byte {
	s.packing.Lock()
	defer s.packing.Unlock()
	if s.gzips[n] == nil {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		io.CopyN(z, xs{}, n)
		z.Close()
		s.gzips[n] = packed.Bytes()
	}
	return s.gzips[n]
}

// endless sends until the client closes the connection, and counts that.
func (s *server) endless(w http.ResponseWriter, r *http.Request) {
	ctx, gone := context.WithCancel(r.Context())
	defer gone()
	r = r.WithContext(ctx)
	defer s.count(r)()
	w.Header().Set("Content-Type", "text/plain")
	if length := r.URL.Query().Get("length"); length != "" {
		understated(w, length)
		gone()
		return
	}
	for r.Context().Err() == nil {
		if _, err := io.CopyN(w, xs{}, 1<<16); err != nil {
			// The context ends a little later than the connection.
			select {
			case <-r.Context().Done():
			case <-time.After(Patience):
			}
			return
		}
	}
}

// understated sends chunks although it also sends a Content-Length, which then must be ignored (RFC
// 9112 section 6.3), until the client closes the connection.
func understated(w http.ResponseWriter, length string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\nTransfer-Encoding: chunked\r\n", length)
	w.Header().Write(conn)
	for chunk := "\r\n"; err == nil; chunk = fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat("x", 1<<16)) {
		_, err = io.WriteString(conn, chunk)
	}
}

// cut sends a truncated answer that looks complete: it closes the connection before the end of the
// stated length, or before the last chunk (RFC 9112 section 8).
func cut(w http.ResponseWriter, r *http.Request) {
	const token = `{"access_token":"cut","token_type":"Bearer"}`
	framing := fmt.Sprintf("Content-Length: %d\r\n", len(token)+1)
	begun := token
	if r.URL.Query().Get("as") == "chunked" {
		framing, begun = "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n", len(token), token)
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%s", framing)
	w.Header().Write(conn)
	io.WriteString(conn, "\r\n"+begun)
}

// hang never answers.
func (s *server) hang(w http.ResponseWriter, r *http.Request) {
	defer s.count(r)()
	<-r.Context().Done()
}

// stall begins a body and never continues it.
func (s *server) stall(w http.ResponseWriter, r *http.Request) {
	defer s.count(r)()
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "begun")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func (s *server) sleep(w http.ResponseWriter, r *http.Request) {
	ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
	defer s.count(r)()
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		reply(w, map[string]any{"slept": true})
	case <-r.Context().Done():
	}
}

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	code, _ := strconv.Atoi(r.PathValue("code"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if code != http.StatusNoContent {
		io.WriteString(w, `{"error":"invalid_grant"}`)
	}
}

func (s *server) headers(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Repeated"] = []string{"one", "two, three"}
	w.Header().Set("X-Upper", "Value")
	w.Header().Set("DPoP-Nonce", "n-1")
	w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
}

// binary sends a body that is not UTF-8.
func (s *server) binary(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte{'a', 0xff, 0xfe, 0xc3, 'b'})
}

// mark sends text after a byte order mark, which belongs to the body: the engine refuses it in JSON
// (RFC 8259 section 8.1).
func (s *server) mark(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "\uFEFFé")
}

func (s *server) cookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "kept", Value: "1", Path: "/"})
}

// record stores a request, for recorded to show.
func (s *server) record(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	s.at(r, func(c *seen) {
		c.started++
		c.last = map[string]any{
			"count": c.started, "method": r.Method, "body": string(body), "headers": headers,
			"cookie": headers["cookie"] != "", "authorization": headers["authorization"] != "",
		}
	})
	reply(w, map[string]any{"recorded": true})
}

// recorded shows the last request under an id. With reset it deletes all of them.
func (s *server) recorded(w http.ResponseWriter, r *http.Request) {
	var last map[string]any
	s.at(r, func(c *seen) {
		if r.URL.Query().Has("reset") {
			*c = seen{}
		}
		last = c.last
		if last == nil {
			last = map[string]any{"count": 0}
		}
	})
	reply(w, last)
}

// counts returns how many requests began under an id, and how many of them the client ended. With
// started=N or gone=N it waits until there are that many.
func (s *server) counts(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	started, _ := strconv.Atoi(q.Get("started"))
	gone, _ := strconv.Atoi(q.Get("gone"))
	var now seen
	for end := time.Now().Add(Patience); ; time.Sleep(10 * time.Millisecond) {
		s.at(r, func(c *seen) {
			if q.Has("reset") {
				*c = seen{}
			}
			now = *c
		})
		if now.started >= started && now.gone >= gone || time.Now().After(end) || r.Context().Err() != nil {
			break
		}
	}
	reply(w, map[string]any{"started": now.started, "gone": now.gone})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		fmt.Fprintln(w, "null")
	}
}

// xs reads as the letter x without end.
type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
