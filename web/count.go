package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// countPath answers the page with how many refreshes the server has granted.
const countPath = "/demo/refreshes"

// counter counts the refreshes that a server grants.
type counter struct {
	server    http.Handler
	page      string
	refreshes atomic.Int64
}

// mostForm is larger than any form for the token endpoint.
const mostForm = 64 << 10

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == countPath {
		w.Header().Set("Access-Control-Allow-Origin", c.page)
		w.Header().Set("Cache-Control", "no-store")
		writeJSON(w, http.StatusOK, map[string]int64{"refreshes": c.refreshes.Load()})
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/token" {
		c.server.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, mostForm))
	if err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	seen := &statusWriter{ResponseWriter: w}
	c.server.ServeHTTP(seen, r)
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("grant_type") == authserver.GrantRefreshToken && seen.status == http.StatusOK {
		c.refreshes.Add(1)
	}
}

// statusWriter records the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
