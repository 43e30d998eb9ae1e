//go:build !js

// Command nethttp is a backend for a frontend as a Go server, for the tests of edge:
// core/oauth/backend with the native engine, and with sessions in an SQLite database, in Redis or
// in memory. The configuration, of kind "bff", is in the variable BFF; the secrets are in
// SEAL_KEYS, CLIENT_SECRET and CLIENT_KEY, as for the Workers. It prints "ready: URL" when it
// listens, and runs until it is stopped.
package main

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("nethttp: ")
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	database := flag.String("database", "sessions.db", "where the sessions are; empty: in memory")
	redisAddr := flag.String("redis", "", "HOST:PORT of a Redis in which the sessions are, in place of a database")
	page := flag.String("page", "", "a folder that is served where the backend's paths are not")
	stop := flag.Duration("stop", time.Minute, "how long requests may take to finish when it is told to end")
	delay := flag.Duration("stop-delay", 0, "how long it takes requests when it is told to end, until a server in front sends them elsewhere")
	timeout := flag.Duration("proxy-timeout", 0, "how long a resource may be silent before its answer begins")
	flag.Parse()
	if err := run(*addr, *database, *redisAddr, *page, *timeout, *stop, *delay); err != nil {
		log.Fatal(err)
	}
}

func run(addr, database, redisAddr, page string, timeout, stopIn, delay time.Duration) error {
	var config backend.Config
	in := json.NewDecoder(strings.NewReader(os.Getenv("BFF")))
	in.DisallowUnknownFields()
	if err := in.Decode(&config); err != nil {
		return err
	}
	config.Client.ClientSecret = os.Getenv("CLIENT_SECRET")
	ring, err := backend.ReadRing(os.Getenv("SEAL_KEYS"))
	if err != nil {
		return err
	}
	var clientKey crypto.Signer
	if text := os.Getenv("CLIENT_KEY"); text != "" {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON([]byte(text)); err != nil {
			return err
		}
		clientKey, _ = key.Key.(crypto.Signer)
	}
	var store oauth.Store // nil: in memory
	switch {
	case redisAddr != "":
		client := redis.NewClient(&redis.Options{Addr: redisAddr, ContextTimeoutEnabled: true})
		defer client.Close()
		if store, err = redisstore.New(client, redisstore.Options{}); err != nil {
			return err
		}
	case database != "":
		kept, err := sqlitestore.Open(database)
		if err != nil {
			return err
		}
		defer kept.Close()
		store = kept
	}
	handler, err := backend.New(bff.Engine(), config, backend.Options{Ring: ring, Store: store, ClientKey: clientKey, ResourceTimeout: timeout, OnError: func(err error) { log.Print(err) }})
	if err != nil {
		return err
	}
	var served http.Handler = handler
	if page != "" {
		served = besides(page, handler)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: served, ReadHeaderTimeout: 10 * time.Second}
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ended := make(chan error, 1)
	go func() {
		<-told.Done()
		ctx, cancel := context.WithTimeout(context.Background(), delay+stopIn)
		defer cancel()
		finished := make(chan error, 1)
		go func() { finished <- handler.Shutdown(ctx) }() // not ready any more
		time.Sleep(delay)
		err := server.Shutdown(ctx)
		if err != nil {
			server.Close()
		}
		ended <- errors.Join(err, <-finished)
	}()
	if _, err := os.Stdout.WriteString("ready: http://" + listener.Addr().String() + "\n"); err != nil {
		return err
	}
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return <-ended
}

var headerLine = regexp.MustCompile(`(?m)^\s+([\w-]+): (.+)$`)

// besides serves the files of a folder for GET, with the headers in its file _headers. All other
// requests go to the handler.
func besides(folder string, handler http.Handler) http.Handler {
	text, err := os.ReadFile(filepath.Join(folder, "_headers"))
	if err != nil {
		text = nil // the file is optional
	}
	headers := headerLine.FindAllSubmatch(text, -1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		if r.Method == http.MethodGet && filepath.IsLocal(name) && !strings.HasPrefix(name, "_") {
			if raw, err := os.ReadFile(filepath.Join(folder, name)); err == nil {
				for _, h := range headers {
					w.Header().Set(string(h[1]), string(h[2]))
				}
				http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(raw))
				return
			}
		}
		handler.ServeHTTP(w, r)
	})
}
