package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corejson "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/headers"
)

// An exchange holds the HTTP messages of one request: the browser's request, its answer, and the
// requests to resources.
type exchange struct {
	ctx     context.Context // it ends with the handler, and so when the browser goes away
	request *http.Request
	upload  *upload
	client  *http.Client
	timeout time.Duration
	answers chan answer

	groups  *groups
	carries bool // the connection can be hijacked

	mu     sync.Mutex
	behind map[string]*http.Response // answers of resources whose bodies were not read yet, by their names
	group  string                    // in which this request is counted, "" for none
	closed bool
}

func newExchange(ctx context.Context, w http.ResponseWriter, r *http.Request, groups *groups, opts Options) *exchange {
	return &exchange{ctx: ctx, groups: groups, carries: r.ProtoMajor == 1 && hijackable(w), request: r, upload: newUpload(r), client: opts.Resource, timeout: opts.ResourceTimeout, answers: make(chan answer, 1), behind: map[string]*http.Response{}}
}

// errSilent ends a request to a resource that does not answer.
var errSilent = errors.New("oauth2: bff: the resource was silent for too long")

// A silence limits the time in which a resource sends nothing. Each piece of the browser's body
// that is read starts the time again. Once the answer has begun, there is no limit, although the
// body may still be coming.
type silence struct {
	mu    sync.Mutex
	clock *time.Timer
	limit time.Duration
	over  bool
}

func newSilence(limit time.Duration, tooLong func()) *silence {
	return &silence{clock: time.AfterFunc(limit, tooLong), limit: limit}
}

func (s *silence) broken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.clock.Reset(s.limit)
	}
}

func (s *silence) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	s.clock.Stop()
}

// proxy sends a request to a resource. It returns the answer as soon as it begins. The body stays
// here.
func (e *exchange) proxy(effect json.RawMessage) (any, string) {
	var method, url, upgrade, group string
	in, ok := textsOf(effect, "method url upgrade group", &method, &url, &upgrade, &group)
	if !ok {
		return nil, "internal"
	}
	if upgrade != "" && !e.carries {
		return nil, "unsupported"
	}
	if most, _ := in.Get("most").Int(); group != "" && !e.enter(group, int(most)) {
		return nil, "denied"
	}
	ctx, cancel := context.WithCancelCause(e.ctx)
	silence := newSilence(e.timeout, func() { cancel(errSilent) })
	defer silence.end()
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		cancel(nil)
		return nil, "unsent"
	}
	if err := e.load(req, bodyOf(in.Get("body")), silence.broken); err != nil {
		cancel(nil)
		return nil, "unsent"
	}
	for _, h := range headers.Read(in.Get("headers")) {
		req.Header.Add(h[0], h[1])
	}
	// The browser did not ask for what net/http would add by itself.
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "identity")
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "")
	}
	if upgrade != "" {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", upgrade)
	}
	res, err := e.client.Do(req)
	if err != nil {
		kind := failureOf(ctx, err)
		cancel(nil)
		return nil, kind
	}
	if _, writes := res.Body.(io.Writer); res.StatusCode < 200 && (upgrade == "" || !writes) { // a 101 although nobody asked to switch protocols
		res.Body.Close()
		cancel(nil)
		return nil, "network"
	}
	res.Body = &heldBody{res.Body, cancel}
	w := corejson.NewWriter()
	w.Open('{')
	w.MemberInt("status", int64(res.StatusCode))
	writeHeaders(w, res.Header)
	w.Key("body")
	w.Open('{')
	w.MemberStr("ref", e.keep(res))
	w.Close('}')
	w.Close('}')
	return door.Response{Object: w.Bytes(), Status: res.StatusCode}, ""
}

// heldBody ends its request when it is closed.
type heldBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b *heldBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// load sets the body of req. progress is called whenever some of the browser's body is read.
func (e *exchange) load(req *http.Request, b body, progress func()) error {
	if b.Ref != nil {
		req.Body = &readBehind{e.upload, progress}
		req.ContentLength = e.upload.length
		return nil
	}
	raw, err := b.bytes()
	if err != nil || len(raw) == 0 {
		return err
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }
	return nil
}

// readBehind is the browser's body while it is sent to the resource. A slow browser does not count
// as a silent resource. A resource that answers early does not close the body.
type readBehind struct {
	io.Reader
	progress func()
}

func (b *readBehind) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.progress()
	return n, err
}

// Progress is for a host that passes the body on without reading it, as Workers do. It must be
// called for each piece of the body.
func (b *readBehind) Progress() { b.progress() }

func (b *readBehind) Close() error { return nil }

func failureOf(ctx context.Context, err error) string {
	var op *net.OpError
	switch {
	case errors.Is(context.Cause(ctx), errSilent):
		return "timeout"
	case ctx.Err() != nil:
		return "aborted"
	case errors.As(err, &op) && op.Op == "dial":
		return "unsent"
	}
	return "network"
}

// enter counts this request in a group, once, until it is closed.
func (e *exchange) enter(group string, most int) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.group != "" || e.closed {
		return e.group == group
	}
	if !e.groups.enter(group, most) {
		return false
	}
	e.group = group
	return true
}

func (e *exchange) keep(res *http.Response) (name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		res.Body.Close()
		return ""
	}
	name = strconv.Itoa(len(e.behind))
	e.behind[name] = res
	return name
}

// close closes the answers that were not passed on.
func (e *exchange) close(w http.ResponseWriter) {
	e.mu.Lock()
	e.closed = true
	if e.group != "" {
		e.groups.leave(e.group)
	}
	for _, res := range e.behind {
		res.Body.Close()
	}
	e.mu.Unlock()
	e.leave(w)
	if e.upload.body != nil {
		e.upload.body.Close()
	}
}

// write sends the answer to the browser.
func (e *exchange) write(w http.ResponseWriter, h *Handler, a answer) {
	header := w.Header()
	for _, h := range a.Headers {
		header.Add(h[0], h[1])
	}
	if header.Get("Content-Type") == "" {
		header["Content-Type"] = nil // net/http would guess one, and a browser would believe it
	}
	if a.Body.Ref == nil {
		raw, _ := a.Body.bytes()
		e.leave(w)
		w.WriteHeader(a.Status)
		if e.request.Method != http.MethodHead {
			w.Write(raw)
		}
		return
	}
	e.mu.Lock()
	res := e.behind[*a.Body.Ref]
	e.mu.Unlock()
	if res == nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if res.ContentLength >= 0 && a.Status != http.StatusNoContent && a.Status != http.StatusNotModified {
		header.Set("Content-Length", strconv.FormatInt(res.ContentLength, 10))
	}
	if a.Status == http.StatusSwitchingProtocols {
		h.carry(w, a, res.Body.(*heldBody).ReadCloser.(io.ReadWriteCloser))
		return
	}
	e.lastOf(w)
	body := res.Body.(*heldBody).ReadCloser
	if own, ok := w.(StreamPasser); ok && a.Keep != "" && own.PassStream(a.Status, body, func(ctx context.Context, over func()) { h.keep(ctx, a.standing, over) }) {
		e.forget(res)
		return
	}
	if own, ok := w.(BodyPasser); ok && own.PassBody(a.Status, body) {
		e.forget(res)
		return
	}
	control := http.NewResponseController(w)
	control.EnableFullDuplex() // if that is not possible, the browser's body is read before the answer begins
	piece := pieces.Get().(*[]byte)
	defer pieces.Put(piece)
	n, err := 0, error(nil)
	if length := res.ContentLength; a.Keep == "" && length > 0 && length <= int64(len(*piece)) {
		// A short body usually comes in one piece; then the answer goes out in one piece.
		if n, err = res.Body.Read(*piece); int64(n) == length {
			w.WriteHeader(a.Status)
			w.Write((*piece)[:n])
			return
		}
	}
	w.WriteHeader(a.Status)
	control.Flush()
	var over atomic.Bool
	if a.Keep != "" {
		ctx, cancel := context.WithCancel(e.ctx)
		defer cancel()
		go h.keep(ctx, a.standing, func() {
			over.Store(true)
			res.Body.Close()
		})
	}
	// A stream that must end is just closed: an EventSource then asks again.
	if err := pass(w, control, res.Body, *piece, n, err); err != nil && !over.Load() {
		// A truncated body must not look complete. This panic breaks off an answer in every version
		// of HTTP.
		panic(http.ErrAbortHandler)
	}
}

// BodyPasser is an http.ResponseWriter of a host that can pass a body on without reading it, as
// Workers do. PassBody is called in place of WriteHeader and Write. If it returns false, nothing
// happened. If it returns true, the body belongs to the host: the handler neither reads nor closes
// it, and the request to the resource continues.
type BodyPasser interface {
	http.ResponseWriter
	PassBody(status int, body io.ReadCloser) bool
}

// StreamPasser is a BodyPasser that can end what it passes. PassStream is called for a stream of
// events in place of PassBody. The host calls keep, which returns when ctx ends, or calls over when
// the stream must end and then returns.
type StreamPasser interface {
	BodyPasser
	PassStream(status int, body io.ReadCloser, keep func(ctx context.Context, over func())) bool
}

// forget removes an answer whose body now belongs to the host.
func (e *exchange) forget(res *http.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.behind, func(_ string, r *http.Response) bool { return r == res })
}

// pieces are the buffers through which bodies are copied.
var pieces = sync.Pool{New: func() any { return new(make([]byte, 32<<10)) }}

// pass copies a body, each piece as soon as it comes, because it may be a stream of events. n and
// err are the result of reading the first piece into buffer; both are zero if none was read. pass
// returns errors of the resource only; a browser that went away is not an error.
func pass(w io.Writer, control *http.ResponseController, from io.Reader, buffer []byte, n int, err error) error {
	for ; ; n, err = from.Read(buffer) {
		if n > 0 {
			if _, gone := w.Write(buffer[:n]); gone != nil {
				return nil
			}
			control.Flush() // a ResponseWriter that cannot flush buffers
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
