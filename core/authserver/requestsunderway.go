package authserver

import "sync"

// At most maxUnderWay requests of one kind run at once, and maxUnderWayToHost to one host. So a
// host that does not answer leaves room for the others.
const (
	maxUnderWay       = 256
	maxUnderWayToHost = 32
)

// requestsUnderWay counts requests that the server sends.
type requestsUnderWay struct {
	mu     sync.Mutex
	all    int
	toHost map[string]int
}

func (p *requestsUnderWay) begin(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all >= maxUnderWay || p.toHost[host] >= maxUnderWayToHost {
		return false
	}
	p.all++
	p.toHost[host]++
	return true
}

func (p *requestsUnderWay) end(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all--
	if p.toHost[host]--; p.toHost[host] == 0 {
		delete(p.toHost, host)
	}
}
