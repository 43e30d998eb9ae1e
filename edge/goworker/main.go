//go:build js && wasm

// Command goworker is the backend for a frontend as a Cloudflare Worker in Go: the handler of
// core/oauth/backend with the native engine, by github.com/syumai/workers, with the Durable Object
// of the Worker in TypeScript. It also uses that Worker's variables, secrets and bindings
// (../README.md). workerd runs worker.mjs, which makes an instance of this program for every
// request.
package main

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"syscall/js"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/syumai/workers"
	"github.com/syumai/workers/cloudflare"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// over is a promise that is resolved when the request has no work left. Each request has its own
// instance.
var over, settle = func() (promise, resolve js.Value) {
	both := js.Global().Get("Promise").Call("withResolvers")
	return both.Get("promise"), both.Get("resolve")
}()

func main() {
	handler, err := handler()
	if err != nil {
		fmt.Println("the configuration is refused:", err)
		handler = http.HandlerFunc(misconfigured)
	}
	workers.ServeNonBlock(repaired(handler))
	workers.Ready()
	// The program must stay for the work after the answer, for which WaitUntil keeps the request
	// alive. When nothing refers to the instance any more, it is garbage collected.
	select {}
}

func misconfigured(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusInternalServerError)
	w.Write([]byte(`{"error":"misconfigured","error_description":"The log of this server says what is wrong."}`))
}

// handler reads the environment. Its errors contain no secret.
func handler() (http.Handler, error) {
	var config backend.Config
	in := json.NewDecoder(strings.NewReader(bound("BFF")))
	in.DisallowUnknownFields()
	if err := in.Decode(&config); err != nil {
		return nil, fmt.Errorf("BFF: %w", err)
	}
	if config.Client.ClientSecret != "" {
		return nil, errors.New("BFF: client.client_secret is a secret: CLIENT_SECRET is its place")
	}
	config.Client.ClientSecret = cloudflare.Getenv("CLIENT_SECRET")
	ring, err := backend.ReadRing(cloudflare.Getenv("SEAL_KEYS"))
	if err != nil {
		return nil, fmt.Errorf("SEAL_KEYS: %w", err)
	}
	namespace := cloudflare.GetBinding("SESSIONS")
	if namespace.IsUndefined() {
		return nil, errors.New("SESSIONS: the binding of the Durable Object is missing")
	}
	store := &objects{namespace: namespace, remembered: js.Global().Get("remembered")}
	servers, resources := &http.Client{Transport: fetcher{}}, &http.Client{Transport: fetcher{packed: true}}
	options := backend.Options{Ring: ring, Store: store, Memory: memory{js.Global().Get("memory")}, HTTP: servers, Resource: resources, OnError: func(err error) { fmt.Println(err) }}
	options.Background = func(task func()) {
		// Otherwise this work would end with the request: a refresh, storing a session, releasing a
		// lock.
		cloudflare.WaitUntil(func() {
			task()
			store.locks.Wait()
			settle.Invoke()
		})
	}
	if ms := bound("PROXY_TIMEOUT_MS"); ms != "" {
		n, err := strconv.Atoi(ms)
		if err != nil {
			return nil, errors.New("PROXY_TIMEOUT_MS: is not a number")
		}
		options.ResourceTimeout = time.Duration(n) * time.Millisecond
	}
	if text := cloudflare.Getenv("CLIENT_KEY"); text != "" {
		var key jose.JSONWebKey
		if key.UnmarshalJSON([]byte(text)) == nil {
			options.ClientKey, _ = key.Key.(crypto.Signer)
		}
		if options.ClientKey == nil {
			return nil, errors.New("CLIENT_KEY: is no private JWK")
		}
	}
	return backend.New(bff.Engine(), config, options)
}

// bound returns a JSON binding as text, "" if there is none.
func bound(name string) string {
	v := cloudflare.GetBinding(name)
	if v.IsUndefined() {
		return ""
	}
	return js.Global().Get("JSON").Call("stringify", v).String()
}
