package backend

import (
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// An upload is the browser's body. It is read as a whole if the engine asks for that, or while it
// is sent to a resource.
type upload struct {
	body   io.ReadCloser // nil if there is none
	length int64         // -1 if it is not known
	ended  atomic.Bool   // the browser has sent all of it
}

func newUpload(r *http.Request) *upload {
	u := &upload{body: r.Body, length: r.ContentLength}
	if r.Body == nil || r.Body == http.NoBody {
		u.body = nil
		u.ended.Store(true)
	}
	return u
}

// Read implements io.Reader. An end before the stated length is an error (RFC 9112 section 8).
func (u *upload) Read(p []byte) (int, error) {
	if u.body == nil {
		return 0, io.EOF
	}
	n, err := u.body.Read(p)
	if err == io.EOF {
		u.ended.Store(true)
	}
	return n, err
}

// read carries out a body effect.
func (e *exchange) read(effect json.RawMessage) (any, string) {
	var in struct {
		MaxBody   int64 `json:"max_body"`
		TimeoutMS int64 `json:"timeout_ms"`
	}
	if json.Unmarshal(effect, &in) != nil {
		return nil, "internal"
	}
	type outcome struct {
		raw []byte
		err error
	}
	whole := make(chan outcome, 1)
	go func() {
		raw, err := io.ReadAll(io.LimitReader(e.upload, in.MaxBody+1))
		whole <- outcome{raw, err}
	}()
	clock := time.NewTimer(time.Duration(in.TimeoutMS) * time.Millisecond)
	defer clock.Stop()
	select {
	case o := <-whole:
		switch {
		case o.err != nil:
			return nil, "aborted"
		case int64(len(o.raw)) > in.MaxBody:
			return nil, "too_large"
		case e.upload.length >= 0 && int64(len(o.raw)) != e.upload.length:
			return nil, "aborted"
		}
		return struct {
			Body *body `json:"body"`
		}{wireBody(o.raw)}, ""
	case <-clock.C:
		return nil, "timeout" // a read that is still under way ends with the answer
	case <-e.ctx.Done():
		return nil, "aborted"
	}
}

// leave makes sure that nobody waits for the rest of the browser's body. net/http would read on,
// before it answers and before it closes, for as long as the browser likes.
func (e *exchange) leave(w http.ResponseWriter) {
	if e.upload.ended.Load() {
		return
	}
	e.lastOf(w)
	http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // if this is not possible, the server decides
}

// lastOf closes the connection after this answer if the rest of a body might come before the next
// request.
func (e *exchange) lastOf(w http.ResponseWriter) {
	if !e.upload.ended.Load() && e.request.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}
