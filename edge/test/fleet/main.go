//go:build unix

// Command fleet is one of several servers that share the sessions of many users.
// edge/test/fleet.test.mjs starts them; server.mjs beside it is the same in JavaScript. Its
// configuration is in FLEET, as JSON. It prints "ready: URL" and runs until it is killed. Requests:
//
//	GET /get?user=U      calls the API with the access token of that user's session, refreshed where that is over
//	GET /out?user=U      signs the user out
//	GET /clock?ahead=MS  puts its clock ahead
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sealedstore"
)

type settings struct {
	Process string // its name, which the authorization server sees
	Store   string // redis or postgres
	Addr    string
	Place   string // a prefix of keys, or a schema
	Seals   string
	Lease   int64 // ms
	API     string
	Config  oauth.Config
}

func main() {
	log.SetFlags(0)
	var s settings
	if err := json.Unmarshal([]byte(os.Getenv("FLEET")), &s); err != nil {
		log.Fatal(err)
	}
	f := &fleet{settings: s, clients: map[string]*oauth.Client{}}
	if err := f.open(); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { // it does not outlive its parent, which holds the other end
		io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	fmt.Println("ready: http://" + listener.Addr().String())
	log.Fatal(http.Serve(listener, f))
}

type fleet struct {
	settings
	store  oauth.Store
	engine core.Engine
	ahead  atomic.Int64 // ms

	mu      sync.Mutex
	clients map[string]*oauth.Client
}

func (f *fleet) open() error {
	ring, err := backend.ReadRing(f.Seals)
	if err != nil {
		return err
	}
	lease := time.Duration(f.Lease) * time.Millisecond
	var kept sealedstore.Kept
	if f.Store == "redis" {
		kept, err = redisstore.New(redis.NewClient(&redis.Options{Addr: f.Addr, ContextTimeoutEnabled: true}), redisstore.Options{Prefix: f.Place, Lease: lease})
	} else {
		var pool *pgxpool.Pool
		if pool, err = pgxpool.New(context.Background(), "postgres://postgres@"+f.Addr+"/postgres?sslmode=disable&pool_max_conns=8"); err == nil {
			kept, err = postgresstore.New(pool, postgresstore.Options{Schema: f.Place, Lease: lease})
		}
	}
	if err == nil {
		f.store = sealedstore.New(kept, ring)
	}
	return err
}

// client returns the client of a user. It stays open, and notices what other processes have stored
// when its token expires.
func (f *fleet) client(user string) (*oauth.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.clients[user]; c != nil {
		return c, nil
	}
	config := f.Config
	config.Name = user
	c, err := oauth.Open(context.Background(), &f.engine, config, oauth.Options{
		Store: f.store,
		// It must be shorter than the lease of locks; see redisstore.
		HTTP: &http.Client{Transport: named{f.Process, user}, Timeout: 15 * time.Second},
		Now:  func() time.Time { return time.Now().Add(time.Duration(f.ahead.Load()) * time.Millisecond) },
	})
	if err == nil {
		f.clients[user] = c
	}
	return c, err
}

// named adds who sends a request, and for which user.
type named struct{ process, user string }

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Process", n.process)
	r.Header.Set("X-User", n.user)
	return http.DefaultTransport.RoundTrip(r)
}

func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := f.serve(r)
	var known *oauth.Error
	switch {
	case err == nil:
	case errors.As(err, &known) && (known.Code == "not_signed_in" || known.Code == "signed_out"):
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, known.Code)
	default:
		w.WriteHeader(http.StatusBadGateway)
		io.WriteString(w, err.Error())
	}
}

func (f *fleet) serve(r *http.Request) error {
	q := r.URL.Query()
	if r.URL.Path == "/clock" {
		ahead, err := strconv.ParseInt(q.Get("ahead"), 10, 64)
		f.ahead.Store(ahead)
		return err
	}
	c, err := f.client(q.Get("user"))
	if err != nil {
		return err
	}
	if r.URL.Path == "/out" {
		_, err := c.LogOut(r.Context(), oauth.LogOutParams{})
		return err
	}
	token, err := c.Token(r.Context())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, f.API, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token.AccessToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New("the API says " + res.Status)
	}
	return nil
}
