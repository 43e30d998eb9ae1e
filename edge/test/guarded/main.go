// Command guarded is an API in a process of its own, as js/test/replays.test.mjs starts it;
// js/test/lib/guarded.mjs is the same in JavaScript. It reads the same variables, prints "ready:
// URL" and runs until it is killed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/guard"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// keys is an authorization server that has keys and nothing else.
type keys []byte

func (k keys) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(k))}, nil
}

func store(kind, addr string) (oauth.Store, error) {
	if kind == "redis" {
		return redisstore.New(redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true}), redisstore.Options{})
	}
	pool, err := pgxpool.New(context.Background(), "postgres://postgres@"+addr+"/postgres?sslmode=disable&pool_max_conns=8")
	if err != nil {
		return nil, err
	}
	s, err := postgresstore.New(pool, postgresstore.Options{})
	if err == nil {
		err = s.Create(context.Background())
	}
	return s, err
}

func run() error {
	var config guard.Config
	if err := json.Unmarshal([]byte(os.Getenv("CONFIG")), &config); err != nil {
		return err
	}
	ahead, err := strconv.Atoi(os.Getenv("AHEAD"))
	if err != nil {
		return err
	}
	shared, err := store(os.Getenv("STORE"), net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT")))
	if err != nil {
		return err
	}
	var mu sync.Mutex
	errors := []string{}
	g, err := guard.New(resource.Engine(), config, guard.Options{
		Store: shared,
		HTTP:  &http.Client{Transport: keys(`{"keys":` + os.Getenv("KEYS") + `}`)},
		Now:   func() time.Time { return time.Now().Add(time.Duration(ahead) * time.Millisecond) },
		OnError: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			errors = append(errors, err.Error())
		},
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("ready: http://" + listener.Addr().String())
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		verdict, err := g.Check(r, guard.Need{})
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		mu.Lock()
		said := errors
		errors = []string{}
		mu.Unlock()
		status := verdict.Status
		if verdict.Token != nil {
			status = 200
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(map[string]any{"allowed": verdict.Token != nil, "code": verdict.Reason.Code, "body": string(verdict.Body), "errors": said})
	}))
}
