//go:build unix

// Command storeserver starts the servers of stores, for tests in languages other than Go. It prints
// "ready: URL" when it listens, and runs until it is stopped or the process that started it is
// gone. All requests are GET, and are answered with JSON:
//
//	/missing                   {"missing":"redis-server"}: what is not installed
//	/new?kind=KIND&of=ID       {"id":1,"addrs":["127.0.0.1:20000"]}: redis, cluster, postgres; pgbouncer and proxy in front of another
//	/kill?id=ID, /stop?id=ID   ends it, as a process ends that is killed, or in order
//	/start?id=ID               starts it again, at the same address
//	/lose?id=ID&every=N        has a proxy lose one of N answers; 0: none
//	/lost?id=ID                {"lost":3}: how many it lost
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/servers"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("storeserver: ")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var f farm
	go http.Serve(listener, &f)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	parent := os.Getppid()
	fmt.Println("ready: http://" + listener.Addr().String())
	for {
		select {
		case <-end:
			f.close()
			return
		case <-time.After(time.Second):
			if os.Getppid() != parent {
				f.close()
				return
			}
		}
	}
}

// farm holds what was started, by id.
type farm struct {
	mu  sync.Mutex
	all []any // *servers.Server or *servers.Proxy
}

type started struct {
	ID    int      `json:"id"`
	Addrs []string `json:"addrs"`
}

func (f *farm) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.all {
		one.(interface{ Close() }).Close()
	}
}

func (f *farm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := f.do(r.URL.Path, r.URL.Query())
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		answer = map[string]string{"error": err.Error()}
	}
	json.NewEncoder(w).Encode(answer)
}

func (f *farm) do(what string, q url.Values) (any, error) {
	switch what {
	case "/missing":
		return map[string]string{"missing": servers.Missing()}, nil
	case "/new":
		return f.start(q)
	}
	one, err := f.find(q.Get("id"))
	if err != nil {
		return nil, err
	}
	done := struct{}{}
	if p, ok := one.(*servers.Proxy); ok {
		switch what {
		case "/lose":
			n, err := strconv.Atoi(q.Get("every"))
			p.LoseEvery(n)
			return done, err
		case "/lost":
			return map[string]int{"lost": p.Lost()}, nil
		}
	}
	if s, ok := one.(*servers.Server); ok {
		switch what {
		case "/kill":
			s.Kill()
			return done, nil
		case "/stop":
			s.Stop()
			return done, nil
		case "/start":
			return done, s.Start()
		}
	}
	return nil, fmt.Errorf("%s is nothing that this can do", what)
}

func (f *farm) find(id string) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(f.all) {
		return nil, fmt.Errorf("there is no %q", id)
	}
	return f.all[n-1], nil
}

func (f *farm) start(q url.Values) (any, error) {
	var one any
	var addrs []string
	var err error
	add := func(s *servers.Server, failed error) {
		if one, err = s, failed; err == nil {
			addrs = []string{s.Addr}
		}
	}
	switch kind := q.Get("kind"); kind {
	case "redis":
		add(servers.Redis())
	case "postgres":
		add(servers.Postgres())
	case "cluster":
		var nodes []*servers.Server
		if nodes, err = servers.RedisCluster(); err == nil {
			one = nodes[0]
			for _, n := range nodes {
				addrs = append(addrs, n.Addr)
			}
		}
	case "pgbouncer", "proxy":
		behind, failed := f.find(q.Get("of"))
		s, ok := behind.(*servers.Server)
		switch {
		case failed != nil:
			err = failed
		case !ok:
			err = fmt.Errorf("%s stands in front of a server", kind)
		case kind == "pgbouncer":
			add(servers.PgBouncer(s))
		default:
			var p *servers.Proxy
			if p, err = servers.NewProxy(s.Addr); err == nil {
				one, addrs = p, []string{p.Addr}
			}
		}
	default:
		err = fmt.Errorf("%q is no kind", kind)
	}
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, one)
	return started{len(f.all), addrs}, nil
}
