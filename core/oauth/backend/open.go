package backend

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// This file carries connections that stay open after the answer: WebSockets and streams of events.
// The engine decides when they end.

// groups counts open connections by session.
type groups struct {
	mu   sync.Mutex
	open map[string]int
}

// enter counts one more connection of a group, unless the group has reached its limit.
func (g *groups) enter(name string, most int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[name] >= most {
		return false
	}
	if g.open == nil {
		g.open = map[string]int{}
	}
	g.open[name]++
	return true
}

func (g *groups) leave(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[name]--; g.open[name] <= 0 {
		delete(g.open, name)
	}
}

// standing is what the engine says about an open connection.
type standing struct {
	// Keep goes back to the engine with the next question, after AgainMS. The connection ends after
	// OverMS, unless the engine's next answer changes that.
	Keep    string `json:"keep"`
	AgainMS int64  `json:"again_ms"`
	OverMS  int64  `json:"over_ms"`
}

// alive asks the engine whether a connection may stay open.
func (b *backend) alive(ctx context.Context, kept string) (next standing, alive bool, err error) {
	e := &exchange{ctx: ctx}
	s, err := b.take(e)
	if err != nil {
		return standing{}, false, err
	}
	var ok struct {
		Alive bool `json:"alive"`
		standing
	}
	err = s.session.Do(ctx, "alive", struct {
		Keep string `json:"keep"`
	}{kept}, &ok)
	b.leave(s, err)
	return ok.standing, ok.Alive, err
}

// keep calls over when the connection must be closed. It returns then, or when ctx ends.
func (h *Handler) keep(ctx context.Context, now standing, over func()) {
	wait := func(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }
	end := time.NewTimer(wait(now.OverMS))
	defer end.Stop()
	again := time.NewTimer(wait(now.AgainMS))
	defer again.Stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type reply struct {
		next  standing
		alive bool
		err   error
	}
	replies := make(chan reply, 1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			over()
			return
		case <-h.stop.told:
			over()
			return
		case <-again.C:
			kept := now.Keep
			go func() {
				next, alive, err := h.backend.alive(ctx, kept)
				replies <- reply{next, alive, err}
			}()
		case r := <-replies:
			switch {
			case r.err != nil: // the answer is unknown: it stays open for as long as was said before
				if ctx.Err() == nil {
					h.tell(fmt.Errorf("oauth2: bff: cannot tell whether a session is alive: %w", r.err))
				}
				again.Reset(wait(now.AgainMS))
			case !r.alive:
				over()
				return
			default:
				now = r.next
				end.Reset(wait(now.OverMS))
				again.Reset(wait(now.AgainMS))
			}
		}
	}
}

// hijackable reports whether a connection can be hijacked, in the way of http.ResponseController.
func hijackable(w http.ResponseWriter) bool {
	for {
		switch v := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = v.Unwrap()
		default:
			return false
		}
	}
}

// carry connects the browser's connection and the server's after the answer that switches
// protocols. Neither is read faster than the other side accepts data. It returns when both are
// closed.
func (h *Handler) carry(w http.ResponseWriter, a answer, server io.ReadWriteCloser) {
	defer server.Close()
	browser, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		h.tell(fmt.Errorf("oauth2: bff: the connection cannot be taken over: %w", err))
		return
	}
	defer browser.Close()
	browser.SetDeadline(time.Time{}) // the server's own deadlines are for requests
	if err := writeSwitch(browser, a); err != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	closeBoth := func() {
		browser.Close()
		server.Close()
	}
	go h.keep(ctx, a.standing, closeBoth)
	ended := make(chan struct{}, 2)
	pass := func(to io.Writer, from io.Reader) {
		io.Copy(to, from) // when one side ends or breaks off, the other one is closed
		ended <- struct{}{}
	}
	go pass(server, onlyReader{buffered.Reader})
	go pass(browser, server)
	<-ended
	// The last data of one side may still be on its way to the other.
	select {
	case <-ended:
	case <-time.After(lastWords):
	}
}

// lastWords is how long one side of a connection stays open after the other was closed.
const lastWords = time.Second

// onlyReader hides all methods but Read: the WriteTo of a bufio.Reader would hold data back until
// its buffer is full.
type onlyReader struct{ io.Reader }

func writeSwitch(to net.Conn, a answer) error {
	out := bufio.NewWriter(to)
	fmt.Fprintf(out, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n")
	headers := http.Header{}
	for _, h := range a.Headers {
		headers.Add(h[0], h[1])
	}
	headers.Write(out)
	out.WriteString("\r\n")
	return out.Flush()
}
