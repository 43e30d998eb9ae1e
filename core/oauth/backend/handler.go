package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/sealedkeys"
)

// Handler is the backend for a frontend. It is safe for concurrent use.
type Handler struct {
	backend *backend
	base    *url.URL
	opts    Options
	telling sync.Mutex
	groups  groups
	stop    stop
}

// New makes a Handler from an engine that has the kind "bff". If the engine refuses the
// configuration, the error is an *oauth.Error of kind client that names the member.
func New(engine oauth.Engine, config Config, opts Options) (*Handler, error) {
	if opts.Ring == nil {
		return nil, errors.New("oauth2: bff: Options.Ring is missing")
	}
	opts = opts.withDefaults()
	life := config.SessionLife
	if life == 0 {
		life = defaultSession
	}
	keys := opts.Keys
	if keys == nil {
		keys = &sealedkeys.Keys{
			Kept: opts.Store, Ring: opts.Ring, Tampered: ErrTampered,
			Entry: func(name string) string { return name }, // in the same store as the sessions, for the same time
			Until: func() time.Time { return opts.Now().Add(life) },
		}
	}
	h := &Handler{opts: opts, stop: stop{told: make(chan struct{})}}
	var err error
	h.backend, err = openBackend(engine, config, oauth.Options{
		HTTP: opts.HTTP, Store: opts.Store, Locker: opts.Locker, Keys: keys, ClientKey: opts.ClientKey, Now: opts.Now, Rand: opts.Rand, OnEffect: opts.OnEffect,
	}, opts, &h.stop, h.tell)
	if err != nil {
		return nil, err
	}
	if h.base, err = url.Parse(config.Base); err != nil {
		return nil, fmt.Errorf("oauth2: bff: %w", err)
	}
	return h, nil
}

// Shutdown begins to stop the Handler. From now on Base/ready answers 503, so that a server in
// front sends requests elsewhere; sockets and streams of events are closed, so that browsers open
// them elsewhere; and no new socket is opened. All other requests are still served: stop the
// listener by http.Server.Shutdown.
//
// It returns once no work is under way, not even such as goes on after an answer, and then no lock
// is held; or with the error of ctx when that ends. What is cut off then may lose its session, if
// the authorization server had already replaced a refresh token and does not take the old one
// again. So give it longer than a request to the authorization server may take (30 seconds, unless
// Options.HTTP says otherwise).
func (h *Handler) Shutdown(ctx context.Context) error { return h.stop.shutdown(ctx) }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	command := commandOf(r, h.address(r), h.stop.stopping())
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	e := newExchange(ctx, w, r, &h.groups, h.opts)
	defer e.close(w)
	done := make(chan error, 1)
	// The browser need not wait for work that continues after the answer.
	h.stop.begin()
	h.opts.Background(func() {
		defer h.stop.end()
		err := h.backend.serve(r.Context(), command, e)
		if err != nil && !tooLarge(err) {
			h.tell(fmt.Errorf("oauth2: bff: the request was lost: %w", err))
		}
		done <- err
	})
	select {
	case a := <-e.answers:
		e.write(w, h, a)
		return
	case err := <-done:
		h.unanswered(w, e, err)
	}
}

// unanswered answers if the engine has ended without an answer.
func (h *Handler) unanswered(w http.ResponseWriter, e *exchange, err error) {
	select { // both may have happened
	case a := <-e.answers:
		e.write(w, h, a)
	default:
		e.leave(w)
		if tooLarge(err) {
			fail(w, http.StatusRequestHeaderFieldsTooLarge, "too_large", "The request's headers are too large.")
			return
		}
		fail(w, http.StatusInternalServerError, "internal", "The request was lost. Try again.")
	}
}

// tooLarge reports whether the request was longer than an engine reads. The body is small or stays
// here, so it is the headers or the URL that are too long, or too many.
func tooLarge(err error) bool {
	return errors.Is(err, &oauth.Error{Kind: oauth.KindClient, Code: "too_large"}) || errors.Is(err, &oauth.Error{Kind: oauth.KindInternal, Code: "refused_input"})
}

func (h *Handler) tell(err error) {
	if h.opts.OnError != nil {
		h.telling.Lock()
		defer h.telling.Unlock()
		h.opts.OnError(err)
	}
}

// fail answers in the form of the engine's own errors.
func fail(w http.ResponseWriter, status int, code, description string) {
	body, _ := json.Marshal(struct { // it has only strings
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{code, description})
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// address is the URL that the browser asked for. If the browser named the configured host, scheme
// and host are those of the configuration. Otherwise the host is one that does not exist, which the
// engine refuses: the content of a Host header is never used.
func (h *Handler) address(r *http.Request) string {
	host := h.base.Host
	if !sameHost(h.base.Scheme, r.Host, host) {
		host = "elsewhere.invalid"
	}
	path := r.URL.EscapedPath()
	if !strings.HasPrefix(path, "/") { // in OPTIONS * and CONNECT
		path = "/" + path
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		path += "?" + r.URL.RawQuery
	}
	return h.base.Scheme + "://" + host + path
}

func sameHost(scheme, a, b string) bool {
	port := ":443"
	if scheme == "http" {
		port = ":80"
	}
	return strings.EqualFold(strings.TrimSuffix(a, port), strings.TrimSuffix(b, port))
}
