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
)

// An exchange is the HTTP of one request: the browser's, its answer, and what goes to resources in
// between.
type exchange struct {
	ctx     context.Context // ends with the handler, so with the browser too
	request *http.Request
	upload  *upload
	client  *http.Client
	timeout time.Duration
	answers chan answer

	groups  *groups
	carries bool // the connection can be taken over

	mu     sync.Mutex
	behind map[string]*http.Response // answers of resources whose bodies nobody has read, by their names
	group  string                    // that this is counted in, "" for none
	closed bool
}

func newExchange(ctx context.Context, w http.ResponseWriter, r *http.Request, groups *groups, opts Options) *exchange {
	return &exchange{ctx: ctx, groups: groups, carries: r.ProtoMajor == 1 && hijackable(w), request: r, upload: newUpload(r), client: opts.Resource, timeout: opts.ResourceTimeout, answers: make(chan answer, 1), behind: map[string]*http.Response{}}
}

// errSilent ends a request to a resource that says nothing.
var errSilent = errors.New("oauth2: bff: the resource was silent for too long")

// A silence is the time that a resource says nothing. What comes of the browser's body breaks it;
// when the answer has begun it is over for good, although the body may still be coming.
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

// proxy sends a request to a resource. It gives the answer as soon as that begins; the body stays
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
	for _, h := range pairsOf(in.Get("headers")) {
		req.Header.Add(h[0], h[1])
	}
	// What net/http would add by itself is none of the browser's wishes.
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
	if _, writes := res.Body.(io.Writer); res.StatusCode < 200 && (upgrade == "" || !writes) { // 101, and nobody asked to switch protocols
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
	return door.Object(w.Bytes()), ""
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

// load gives req its body. progress is called as the browser's own is read.
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

// readBehind is the browser's body on its way. A slow browser makes no silent resource. A resource
// that answers early does not close it.
type readBehind struct {
	io.Reader
	progress func()
}

func (b *readBehind) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.progress()
	return n, err
}

// Progress is for a host that hands the body on without reading it, as Workers do: to be called for
// each piece of it.
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

// close gives up what was not passed on.
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

// write gives the browser its answer.
func (e *exchange) write(w http.ResponseWriter, h *Handler, a answer) {
	header := w.Header()
	for _, h := range a.Headers {
		header.Add(h[0], h[1])
	}
	if header.Get("Content-Type") == "" {
		header["Content-Type"] = nil // net/http would guess one, and a browser believe it
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
	control.EnableFullDuplex() // where it is not to be had, the browser's body is read before the answer begins
	piece := pieces.Get().(*[]byte)
	defer pieces.Put(piece)
	n, err := 0, error(nil)
	if length := res.ContentLength; a.Keep == "" && length > 0 && length <= int64(len(*piece)) {
		// What is short is here as a rule, and then all of the answer goes out as one.
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
	// A stream that is over ends, and who reads its events asks again.
	if err := pass(w, control, res.Body, *piece, n, err); err != nil && !over.Load() {
		// Half of a body must not look like all of it, and this is the way to break off an answer
		// in every version of HTTP.
		panic(http.ErrAbortHandler)
	}
}

// BodyPasser is an http.ResponseWriter of a host that can hand a body on without reading it, as
// Workers do. PassBody is called in place of WriteHeader and Write; where it is false, nothing
// happened. The body is the host's own then: it is neither read nor closed, and its request goes
// on.
type BodyPasser interface {
	http.ResponseWriter
	PassBody(status int, body io.ReadCloser) bool
}

// StreamPasser is a BodyPasser that can end what it passes. PassStream is called for a stream of
// events in place of PassBody. The host calls keep, which calls over once the stream has to end,
// and returns then, or when ctx ends.
type StreamPasser interface {
	BodyPasser
	PassStream(status int, body io.ReadCloser, keep func(ctx context.Context, over func())) bool
}

// forget leaves a body to whom it was given.
func (e *exchange) forget(res *http.Response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	maps.DeleteFunc(e.behind, func(_ string, r *http.Response) bool { return r == res })
}

// pieces are what bodies pass in.
var pieces = sync.Pool{New: func() any { return new(make([]byte, 32<<10)) }}

// pass copies a body, each piece as soon as it comes: it may be a stream of events. n and err are
// what reading the first piece gave; none was read where both are nothing. Its error is the
// resource's; a browser that went away is none.
func pass(w io.Writer, control *http.ResponseController, from io.Reader, buffer []byte, n int, err error) error {
	for ; ; n, err = from.Read(buffer) {
		if n > 0 {
			if _, gone := w.Write(buffer[:n]); gone != nil {
				return nil
			}
			control.Flush() // a ResponseWriter that cannot is one that buffers
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
