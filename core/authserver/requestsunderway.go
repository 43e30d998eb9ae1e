package authserver

import "sync"

// At one time, maxUnderWay requests of one kind may be on their way, and maxUnderWayToHost to one
// host, so that one that does not answer leaves the others their part.
const (
	maxUnderWay       = 256
	maxUnderWayToHost = 32
)

// requestsUnderWay counts requests of the server.
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
