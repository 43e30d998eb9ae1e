//go:build unix

package servers

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Proxy is a network to a server that loses answers. In each connection some answer is not passed
// on, although the server did what it was asked. Then the connection ends, or it stays open and
// nothing more arrives.
type Proxy struct {
	// Addr is where it listens.
	Addr string

	listener net.Listener
	to       string
	every    atomic.Int64
	answers  atomic.Int64
	lost     atomic.Int64

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// NewProxy starts a proxy that loses nothing.
func NewProxy(to string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Addr: l.Addr().String(), listener: l, to: to, conns: map[net.Conn]struct{}{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(c)
		}
	}()
	return p, nil
}

// LoseEvery makes the proxy lose one of n answers; 0: none.
func (p *Proxy) LoseEvery(n int) { p.every.Store(int64(n)) }

// Lost returns how many answers were lost.
func (p *Proxy) Lost() int { return int(p.lost.Load()) }

// Close stops the proxy.
func (p *Proxy) Close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) pass(in net.Conn) {
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		in.Close()
		return
	}
	p.mu.Lock()
	p.conns[in], p.conns[out] = struct{}{}, struct{}{}
	p.mu.Unlock()
	end := sync.OnceFunc(func() {
		in.Close()
		out.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, in)
		delete(p.conns, out)
	})
	go func() {
		io.Copy(out, in)
		end()
	}()
	buffer := make([]byte, 64<<10)
	mute := false
	for {
		n, err := out.Read(buffer)
		if err != nil {
			end()
			return
		}
		if every := p.every.Load(); every > 0 && !mute && p.answers.Add(1)%every == 0 {
			// After every fourth lost answer the connection looks intact.
			if mute = p.lost.Add(1)%4 == 0; !mute {
				end()
				return
			}
		}
		if mute {
			continue
		}
		if _, err := in.Write(buffer[:n]); err != nil {
			end()
			return
		}
	}
}
