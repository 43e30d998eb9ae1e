package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newPool(t *testing.T, opts wasm.PoolOptions) *wasm.Pool {
	t.Helper()
	p, err := wasm.NewPool(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func add(t *testing.T, p *wasm.Pool, name string, limits *wasm.Limits) *wasm.Tenant {
	t.Helper()
	tenant, err := p.Add(name, limits)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func openFor(t *testing.T, tenant *wasm.Tenant, opts oauth.Options) *oauth.Client {
	t.Helper()
	c, err := tenant.Open(t.Context(), settings, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// use gives commands until one fails.
func use(t *testing.T, c *oauth.Client) error {
	t.Helper()
	for range 1000 {
		if _, err := c.Status(t.Context()); err != nil {
			return err
		}
	}
	t.Fatal("1,000 commands and no limit")
	return nil
}

// TestLimitsOfAMinute (M70, M71): a tenant that exceeds a limit per minute is stopped with a typed
// error and its memory is freed. The other tenants continue, and after the minute its clients
// continue by themselves from their store.
func TestLimitsOfAMinute(t *testing.T) {
	for _, row := range []struct {
		limits wasm.Limits
		limit  wasm.Limit
		most   int64
	}{
		{wasm.Limits{Calls: 20}, wasm.LimitCalls, 20},
		{wasm.Limits{Effects: 25}, wasm.LimitEffects, 25},
		{wasm.Limits{Bytes: 6000}, wasm.LimitBytes, 6000},
	} {
		t.Run(string(row.limit), func(t *testing.T) {
			clock := newClock()
			p := newPool(t, wasm.PoolOptions{Now: clock.Now})
			greedy, other := add(t, p, "greedy", &row.limits), add(t, p, "other", nil)
			store := &oauth.MemoryStore{}
			c, beside := openFor(t, greedy, oauth.Options{Store: store, Now: clock.Now}), openFor(t, other, oauth.Options{Now: clock.Now})
			if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "at", TokenType: "Bearer"}); err != nil {
				t.Fatal(err)
			}
			var limit *wasm.LimitError
			if err := use(t, c); !errors.As(err, &limit) {
				t.Fatalf("no limit: %v", err)
			}
			if limit.Tenant != "greedy" || limit.Limit != row.limit || limit.Max != row.most || !limit.Until.After(clock.Now()) {
				t.Errorf("%+v", limit)
			}
			if !errors.As(greedy.Err(), &limit) || other.Err() != nil {
				t.Errorf("stopped for %v; the other for %v", greedy.Err(), other.Err())
			}
			if m := greedy.Metrics(); m.Instances != 0 || m.Memory != 0 || m.Sessions != 0 || m.Limited == 0 {
				t.Errorf("stopped, and still %+v", m)
			}
			if _, err := c.Status(t.Context()); err == nil {
				t.Error("a command was carried out in the same minute")
			}
			if _, err := greedy.Open(t.Context(), settings, oauth.Options{}); !errors.As(err, &limit) {
				t.Errorf("opened in the same minute: %v", err)
			}
			if _, err := beside.Status(t.Context()); err != nil {
				t.Errorf("the other tenant: %v", err)
			}

			clock.pass(limit.Until.Sub(clock.Now()))
			if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "at" || greedy.Err() != nil {
				t.Errorf("a minute later: %q, %v, %v", token.AccessToken, err, greedy.Err())
			}
		})
	}
}

// TestLimits (M71): the other limits, and their errors.
func TestLimits(t *testing.T) {
	p := newPool(t, wasm.PoolOptions{Tenants: 2, Limits: wasm.Limits{Sessions: 2, Message: 16 << 10, Memory: 1 << 20}})
	tenant := add(t, p, "green", nil)
	add(t, p, "blue", nil)
	wants := func(t *testing.T, err error, limit wasm.Limit, most int64) {
		t.Helper()
		e, ok := errors.AsType[*wasm.LimitError](err)
		if !ok || e.Limit != limit || e.Max != most || !e.Until.IsZero() {
			t.Errorf("%v", err)
		}
	}
	t.Run("tenants", func(t *testing.T) {
		_, err := p.Add("red", nil)
		wants(t, err, wasm.LimitTenants, 2)
	})
	t.Run("a name twice", func(t *testing.T) {
		if _, err := p.Add("blue", nil); err == nil || !strings.Contains(err.Error(), `tenant "blue" already`) {
			t.Error(err)
		}
	})
	t.Run("sessions", func(t *testing.T) {
		first := openFor(t, tenant, oauth.Options{})
		openFor(t, tenant, oauth.Options{})
		_, err := tenant.Open(t.Context(), settings, oauth.Options{})
		wants(t, err, wasm.LimitSessions, 2)
		if tenant.Err() != nil {
			t.Error("that stopped the others: ", tenant.Err())
		}
		tenant.Release(first)
		openFor(t, tenant, oauth.Options{})
	})
	blue := p.Tenant("blue")
	isTooLarge := func(t *testing.T, err error) {
		t.Helper()
		if e, ok := errors.AsType[*oauth.Error](err); !ok || e.Code != "too_large" {
			t.Error(err)
		}
	}
	t.Run("a configuration above the longest message", func(t *testing.T) {
		long := settings
		long.UserAgent = strings.Repeat("u", 20<<10)
		_, err := blue.Open(t.Context(), long, oauth.Options{})
		isTooLarge(t, err)
	})
	t.Run("a command above it", func(t *testing.T) {
		_, err := openFor(t, blue, oauth.Options{}).Callback(t.Context(), "https://client.example/cb?"+strings.Repeat("x", 20<<10))
		isTooLarge(t, err)
	})
	t.Run("an answer above it", func(t *testing.T) {
		c := openFor(t, blue, oauth.Options{HTTP: &http.Client{Transport: answers(`{"access_token":"` + strings.Repeat("a", 20<<10) + `","token_type":"Bearer"}`)}})
		_, err := c.Exchange(t.Context(), oauth.ExchangeParams{Code: "c"})
		isTooLarge(t, err)
		if _, err := c.Status(t.Context()); err != nil {
			t.Error("the session went with it: ", err)
		}
		blue.Release(c)
	})
	t.Run("memory", func(t *testing.T) {
		// A module without enough memory reports that; if it cannot, the instance is lost. It never
		// grows above the limit.
		roomy := wasm.Limits{Memory: 1 << 20}
		wide := newPool(t, wasm.PoolOptions{})
		small := add(t, wide, "small", &roomy)
		c := openFor(t, small, oauth.Options{})
		for range 8 {
			c.Callback(t.Context(), "https://client.example/cb?"+strings.Repeat("x", 900<<10))
			if m := small.Metrics(); m.Memory > 2<<20 {
				t.Fatalf("%+v", m)
			}
		}
		if _, err := c.Status(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for _, row := range []struct {
		name   string
		limits wasm.Limits
	}{
		{"Memory", wasm.Limits{Memory: 1}}, {"Sessions", wasm.Limits{Sessions: 129}}, {"Message", wasm.Limits{Message: 100}},
		{"Calls", wasm.Limits{Calls: -1}}, {"Effects", wasm.Limits{Effects: -1}}, {"Bytes", wasm.Limits{Bytes: -1}}, {"Call", wasm.Limits{Call: -1}},
	} {
		t.Run("a limit out of range: "+row.name, func(t *testing.T) {
			if _, err := wasm.NewPool(t.Context(), wasm.PoolOptions{Limits: row.limits}); err == nil || !strings.Contains(err.Error(), "Limits."+row.name+" is") {
				t.Error(err)
			}
		})
	}
}

// answers is a server that answers every request with the same body.
type answers string

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// TestTenantEnds (M72): to close a tenant closes its clients and frees its memory and its name.
// What it stored stays, and the others continue. To close a pool closes all.
func TestTenantEnds(t *testing.T) {
	p := newPool(t, wasm.PoolOptions{})
	gone, stays := add(t, p, "gone", nil), add(t, p, "stays", nil)
	store := &oauth.MemoryStore{}
	c, other := openFor(t, gone, oauth.Options{Store: store}), openFor(t, stays, oauth.Options{})
	if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "at", TokenType: "Bearer"}); err != nil {
		t.Fatal(err)
	}
	engine := gone.Engine()
	gone.Close()
	if _, err := c.Token(t.Context()); !errors.Is(err, oauth.ErrClosed) {
		t.Errorf("a client of a closed tenant: %v", err)
	}
	if m := gone.Metrics(); m.Instances != 0 || m.Memory != 0 || m.Sessions != 0 {
		t.Errorf("%+v", m)
	}
	closed := func(name string, err error) {
		t.Helper()
		if e, ok := errors.AsType[*wasm.ClosedError](err); !ok || e.Tenant != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	closed("gone", gone.Err())
	_, err := gone.Open(t.Context(), settings, oauth.Options{})
	closed("gone", err)
	if handle := engine.Open([]byte("{}")); handle != oauth.Trapped {
		t.Errorf("its engine opened %d", handle)
	}
	if _, err := other.Status(t.Context()); err != nil {
		t.Error(err)
	}
	again := openFor(t, add(t, p, "gone", nil), oauth.Options{Store: store})
	if token, err := again.Token(t.Context()); err != nil || token.AccessToken != "at" {
		t.Errorf("the store lost it: %v", err)
	}
	gone.Close() // a second call does not affect the new tenant of that name
	if p.Tenant("gone") == nil {
		t.Error("the tenant of the same name is gone too")
	}
	p.Close()
	closed("stays", stays.Err())
	_, err = p.Add("late", nil)
	closed("late", err)
}

// TestStoppedInARefresh (M73): a limit that is exceeded during a refresh signs nobody out: the
// refresh token that was sent, and whose answer nobody read, is sent again.
func TestStoppedInARefresh(t *testing.T) {
	for effects := 1; ; effects++ {
		clock := newClock()
		p := newPool(t, wasm.PoolOptions{Now: clock.Now})
		tenant := add(t, p, "t", nil)
		store := &oauth.MemoryStore{}
		with := oauth.Options{Store: store, Now: clock.Now, HTTP: &http.Client{Transport: server{}}}
		c := openFor(t, tenant, with)
		if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "old", TokenType: "Bearer", RefreshToken: "rt"}); err != nil {
			t.Fatal(err)
		}
		tenant.Close()

		tenant = add(t, p, "t", &wasm.Limits{Effects: effects})
		c, err := tenant.Open(t.Context(), settings, with)
		if err == nil {
			_, err = c.Refresh(t.Context())
		}
		if err == nil {
			if effects < 8 {
				t.Fatalf("refreshed with %d effects", effects)
			}
			return
		}
		if _, ok := errors.AsType[*wasm.LimitError](err); !ok {
			t.Fatalf("%d effects: %v", effects, err)
		}
		tenant.Close()
		clock.pass(2 * time.Minute)
		c = openFor(t, add(t, p, "t", nil), with)
		if _, err := c.FreshToken(t.Context()); err != nil {
			t.Errorf("stopped after %d effects: %v", effects, err)
		}
	}
}

// TestMetrics (M74): usage is counted by tenant, in the order of names.
func TestMetrics(t *testing.T) {
	p := newPool(t, wasm.PoolOptions{})
	b, a := add(t, p, "b", nil), add(t, p, "a", nil)
	openFor(t, b, oauth.Options{})
	c := openFor(t, b, oauth.Options{})
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := a.Metrics(); m != (wasm.Metrics{}) {
		t.Errorf("unused: %+v", m)
	}
	m := b.Metrics()
	if m.Sessions != 2 || m.Instances != 1 || m.Memory < 1<<16 || m.Calls < 3 || m.Effects < 3 || m.BytesIn < 300 || m.BytesOut < 100 || m.Traps != 0 || m.Limited != 0 {
		t.Errorf("%+v", m)
	}
	var names []string
	for tenant, used := range p.All() {
		names = append(names, fmt.Sprint(tenant.Name(), used.Sessions))
	}
	if got := strings.Join(names, " "); got != "a0 b2" {
		t.Error(got)
	}
}

// TestPoolTranscripts (M75): the output of a tenant's engine, for both modules, equals the
// module's.
func TestPoolTranscripts(t *testing.T) {
	p := newPool(t, wasm.PoolOptions{Edge: true})
	ring, err := backend.ReadRing(backend.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	h, err := backend.New(add(t, p, "edge", nil).Engine(), backend.Config{
		Client: oauth.Config{Issuer: "https://as.example", ClientID: "c", ClientSecret: "s", AuthorizationEndpoint: "https://as.example/authorize", TokenEndpoint: "https://as.example/token"},
		Base:   "https://app.example/auth",
	}, backend.Options{Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "https://app.example/auth/login", nil)); w.Code != http.StatusSeeOther {
		t.Error(w.Code, w.Body)
	}
}

// A host of many tenants: each has an instance, limits and metrics.
func ExamplePool() {
	ctx := context.Background()
	pool, err := wasm.NewPool(ctx, wasm.PoolOptions{Limits: wasm.Limits{Memory: 8 << 20, Effects: 600}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	for _, name := range []string{"green", "blue"} {
		tenant, err := pool.Add(name, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		client, err := tenant.Open(ctx, settings, oauth.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		status, err := client.Status(ctx)
		fmt.Println(name, status.Status, err)
	}
	pool.Tenant("green").Close() // closes its clients and frees its memory; its sessions stay in their store
	for tenant, used := range pool.All() {
		fmt.Println(tenant.Name(), used.Sessions, used.Instances)
	}

	// Output:
	// green not_authenticated <nil>
	// blue not_authenticated <nil>
	// blue 1 1
}
