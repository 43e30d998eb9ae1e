//go:build !js

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	if err := run(); err != nil {
		slog.Error("ended", "error", err)
		os.Exit(1)
	}
}

// secret is that of the variable, or of the file that NAME_FILE names.
func secret(name string) (string, error) {
	file := os.Getenv(name + "_FILE")
	if file == "" {
		return os.Getenv(name), nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimSpace(string(text)), err
}

func run() error {
	var config backend.Config
	if err := json.Unmarshal([]byte(os.Getenv("BFF")), &config); err != nil {
		return err
	}
	keys, err1 := secret("SEAL_KEYS")
	clientSecret, err2 := secret("CLIENT_SECRET")
	storeURL, err3 := secret("STORE_URL")
	at, err4 := redis.ParseURL(storeURL)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	config.Client.ClientSecret = clientSecret
	ring, err := backend.ReadRing(keys)
	if err != nil {
		return err
	}
	client := redis.NewClient(at)
	defer client.Close()
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		return err
	}
	handler, err := backend.New(bff.Engine(), config, backend.Options{
		Ring: ring, Store: store, // which is the Locker, too
		OnError: func(err error) { slog.Error("a request was lost", "error", err) },
		// OnEffect: of package oteloauth, for spans and metrics
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("/auth/", handler)
	mux.Handle("/api/", handler)
	listener, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(os.Getenv("HOST"), "127.0.0.1"), cmp.Or(os.Getenv("PORT"), "8080")))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	ended := make(chan error, 1)
	told, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	go func() {
		<-told.Done()
		delay, _ := time.ParseDuration(cmp.Or(os.Getenv("STOP_DELAY_MS"), "0") + "ms")
		within, _ := time.ParseDuration(cmp.Or(os.Getenv("STOP_MS"), "60000") + "ms")
		ctx, cancel := context.WithTimeout(context.Background(), delay+within)
		defer cancel()
		finished := make(chan error, 1)
		go func() { finished <- handler.Shutdown(ctx) }() // probes hear 503 from now on
		time.Sleep(delay)                                 // and a server in front sends requests elsewhere
		err := server.Shutdown(ctx)
		ended <- errors.Join(err, <-finished)
	}()
	slog.Info("ready: " + listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
