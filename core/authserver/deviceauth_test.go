package authserver_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// device is an answer of the device authorization endpoint.
type device struct {
	DeviceCode   string `json:"device_code"`
	UserCode     string `json:"user_code"`
	URI          string `json:"verification_uri"`
	URIComplete  string `json:"verification_uri_complete"`
	ExpiresIn    int    `json:"expires_in"`
	Interval     int    `json:"interval"`
	clientID     string
	clientSecret string
}

// device starts a device flow of a client.
func (b *bench) device(clientID string, more ...string) device {
	b.t.Helper()
	form := with(url.Values{"client_id": {clientID}}, more...)
	resp := b.post("/device_authorization", form)
	d := device{clientID: clientID, clientSecret: form.Get("client_secret")}
	if err := json.Unmarshal(resp.Body, &d); err != nil || resp.Status != http.StatusOK {
		b.t.Fatalf("no device code: %d %s", resp.Status, resp.Body)
	}
	return d
}

func (b *bench) poll(d device, more ...string) reply {
	b.t.Helper()
	return b.post("/token", with(url.Values{
		"grant_type": {authserver.GrantDeviceCode}, "client_id": {d.clientID}, "client_secret": {d.clientSecret}, "device_code": {d.DeviceCode},
	}, more...))
}

// enter types a user code into the verification page, and signs in if asked.
func (b *bench) enter(code string) authserver.Response {
	b.t.Helper()
	page := b.submit(b.visit("GET", "/device", nil), "continue", url.Values{"user_code": {code}})
	if shows(page, "login") {
		page = b.submit(page, "sign-in", firstSignsIn)
	}
	return page
}

// decide goes through the verification pages, and presses the button named action.
func (b *bench) decide(d device, action string) {
	b.t.Helper()
	if resp := b.submit(b.enter(d.UserCode), action, nil); !shows(resp, "device-result") || resp.Status != http.StatusOK {
		b.t.Fatalf("%d %s", resp.Status, resp.Body)
	}
}

func shows(p authserver.Response, testID string) bool {
	return strings.Contains(string(p.Body), `data-testid="`+testID+`"`)
}

// A4: RFC 8628 section 3.2, with the user code of section 6.1.
func TestA4DeviceAuthorizationResponse(t *testing.T) {
	shape := regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`)
	for _, row := range []struct {
		name      string
		change    func(*authserver.Config)
		base      string
		expires   int
		interval  int
		client    string
		authorize []string
	}{
		{"defaults", func(*authserver.Config) {}, issuer, 600, 5, "tv", nil},
		{"other lifetime and interval", func(c *authserver.Config) { c.DeviceCodeLifetime = time.Minute; c.DeviceInterval = time.Second }, issuer, 60, 1, "radio", nil},
		{"issuer with a path", func(c *authserver.Config) { c.Issuer += "/as" }, issuer + "/as", 600, 5, "tv", []string{"scope", "profile"}},
		{"confidential client", func(*authserver.Config) {}, issuer, 600, 5, "service", []string{"client_secret", "svc"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, row.change)
			path := strings.TrimPrefix(row.base, issuer)
			resp := b.post(path+"/device_authorization", with(url.Values{"client_id": {row.client}}, row.authorize...))
			var d device
			if err := json.Unmarshal(resp.Body, &d); err != nil || resp.Status != 200 || resp.Header.Get("Cache-Control") != "no-store" {
				t.Fatal(resp.Status, resp.Header, err)
			}
			if !shape.MatchString(d.UserCode) || len(d.DeviceCode) != 43 || d.ExpiresIn != row.expires || d.Interval != row.interval {
				t.Errorf("%+v", d)
			}
			if d.URI != row.base+"/device" || d.URIComplete != d.URI+"?user_code="+d.UserCode {
				t.Errorf("%+v", d)
			}
		})
	}
}

// A7
func TestA7DeviceAuthorizationErrors(t *testing.T) {
	for _, row := range []struct {
		name   string
		form   url.Values
		header http.Header
		status int
		code   string
	}{
		{"client without the grant", url.Values{"client_id": {"spa"}}, nil, 400, "unauthorized_client"},
		{"scope beyond the client's", url.Values{"client_id": {"tv"}, "scope": {"email"}}, nil, 400, "invalid_scope"},
		{"scope grammar", url.Values{"client_id": {"tv"}, "scope": {"profile  notes.read"}}, nil, 400, "invalid_scope"},
		{"scope the server does not know", url.Values{"client_id": {"wide"}}, nil, 400, "invalid_scope"},
		{"no client", nil, nil, 401, "invalid_client"},
		{"unknown client", url.Values{"client_id": {"nobody"}}, nil, 401, "invalid_client"},
		{"confidential client without secret", url.Values{"client_id": {"service"}}, nil, 401, "invalid_client"},
		{"wrong secret by Basic", nil, basic("service", "x"), 401, "invalid_client"},
		{"parameter twice", url.Values{"client_id": {"tv", "tv"}}, nil, 400, "invalid_request"},
		{"media type", url.Values{"client_id": {"tv"}}, http.Header{"Content-Type": {"application/json"}}, 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newBench(t).postWith("/device_authorization", row.header, row.form)
			r.refused(t, row.status, row.code)
			if (r.Header.Get("WWW-Authenticate") != "") != (row.header["Authorization"] != nil) {
				t.Error(r.Header)
			}
		})
	}
}

// A4: the whole flow of RFC 8628, for device and user, with a clock that only the test moves.
func TestA4DeviceFlow(t *testing.T) {
	const second = time.Second
	wait := func(b *bench, d time.Duration) { b.now = b.now.Add(d) }
	for _, row := range []struct {
		name string
		do   func(*testing.T, *bench, device)
	}{
		{"approved", func(t *testing.T, b *bench, d device) {
			b.poll(d).refused(t, 400, "authorization_pending")
			wait(b, 5*second)
			b.poll(d).refused(t, 400, "authorization_pending")
			b.decide(d, "approve")
			r := b.poll(d).must(t) // once the user has decided, the device need not wait
			if r.Type != "Bearer" || r.Expires != 600 || r.Scope != "profile notes.read" || r.Refresh == "" {
				t.Errorf("%s", r.Body)
			}
			token, ok := b.server.Authenticate(b.now, r.Access)
			if !ok || token.User != "first" || token.ClientID != "tv" {
				t.Errorf("%v %+v", ok, token)
			}
			b.refresh("tv", r.Refresh).must(t)
		}},
		{"denied", func(t *testing.T, b *bench, d device) {
			b.decide(d, "deny")
			b.poll(d).refused(t, 400, "access_denied")
			b.poll(d).refused(t, 400, "access_denied")
			wait(b, 10*time.Minute)
			b.poll(d).refused(t, 400, "expired_token")
		}},
		{"expired", func(t *testing.T, b *bench, d device) {
			wait(b, 10*time.Minute-1)
			b.poll(d).refused(t, 400, "authorization_pending")
			wait(b, 1)
			b.poll(d).refused(t, 400, "expired_token")
		}},
		{"approved and then expired", func(t *testing.T, b *bench, d device) {
			b.decide(d, "approve")
			wait(b, 10*time.Minute)
			b.poll(d).refused(t, 400, "expired_token")
		}},
		{"slowed down", func(t *testing.T, b *bench, d device) {
			b.poll(d).refused(t, 400, "authorization_pending")
			wait(b, 4500*time.Millisecond)
			b.poll(d).refused(t, 400, "slow_down")
			wait(b, 9500*time.Millisecond) // the interval is 10 s now
			b.poll(d).refused(t, 400, "slow_down")
			wait(b, 14500*time.Millisecond+1) // now 15 s, with half a second of tolerance
			b.poll(d).refused(t, 400, "authorization_pending")
			wait(b, 5*second) // it stays that long
			b.poll(d).refused(t, 400, "slow_down")
			b.decide(d, "approve")
			b.poll(d).must(t)
		}},
		{"the poll of another client", func(t *testing.T, b *bench, d device) {
			stranger := d
			stranger.clientID = "radio"
			b.poll(d).refused(t, 400, "authorization_pending")
			wait(b, 5*second)
			b.poll(stranger).refused(t, 400, "invalid_grant")
			b.poll(d).refused(t, 400, "authorization_pending") // the stranger's wrong codes did not count
			b.decide(d, "approve")
			b.poll(stranger).refused(t, 400, "invalid_grant")
			b.poll(d).must(t)
		}},
		{"A8 replayed", func(t *testing.T, b *bench, d device) {
			b.decide(d, "approve")
			other := b.device("tv") // of the same client and user; no replay revokes it
			b.decide(other, "approve")
			kept := b.poll(other).must(t)
			first := b.poll(d).must(t)
			second := b.refresh("tv", first.Refresh).must(t)
			stranger := d
			stranger.clientID = "radio"
			b.poll(stranger).refused(t, 400, "invalid_grant")
			if !b.works(first.Access) {
				t.Error("another client had the tokens revoked")
			}
			b.poll(d).refused(t, 400, "invalid_grant")
			if b.works(first.Access) || b.works(second.Access) || !b.works(kept.Access) {
				t.Error("access tokens")
			}
			b.refresh("tv", second.Refresh).refused(t, 400, "invalid_grant")
			if b.server.Stats().CodeReplays != 1 {
				t.Errorf("%+v", b.server.Stats())
			}
		}},
		{"A8 replayed after its lifetime", func(t *testing.T, b *bench, d device) {
			b.decide(d, "approve")
			wait(b, 10*time.Minute-1)
			first := b.poll(d).must(t)
			wait(b, second)
			b.poll(d).refused(t, 400, "invalid_grant")
			if b.works(first.Access) {
				t.Error("access token")
			}
		}},
		{"user code and other values as device code", func(t *testing.T, b *bench, d device) {
			for _, code := range []string{d.UserCode, strings.ReplaceAll(d.UserCode, "-", ""), "x"} {
				b.poll(d, "device_code", code).refused(t, 400, "invalid_grant")
			}
			b.poll(d, "device_code", "").refused(t, 400, "invalid_request")
		}},
		{"client without the grant", func(t *testing.T, b *bench, d device) {
			b.poll(d, "client_id", "spa").refused(t, 400, "unauthorized_client")
		}},
		{"A7 no such client", func(t *testing.T, b *bench, d device) {
			b.poll(d, "client_id", "nobody").refused(t, 401, "invalid_client")
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			row.do(t, b, b.device("tv"))
		})
	}
}

// A4: a device gets what it asked for and what its client is registered for.
func TestA4DeviceScopeAndRefreshToken(t *testing.T) {
	for _, row := range []struct {
		name, client string
		more         []string
		scope        string
		fresh        bool
	}{
		{"no scope named is all of it", "tv", nil, "profile notes.read", true},
		{"narrower scope", "tv", []string{"scope", "notes.read"}, "notes.read", true},
		{"client without the refresh grant", "radio", nil, "profile", false},
		{"confidential client", "service", []string{"client_secret", "svc"}, "notes.read profile", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			d := b.device(row.client, row.more...)
			b.decide(d, "approve")
			if r := b.poll(d).must(t); r.Scope != row.scope || (r.Refresh != "") != row.fresh {
				t.Errorf("%s", r.Body)
			}
		})
	}
}

// A4, A8: of many polls at once exactly one is answered. The others are replays, so they revoke
// what it got.
func TestA8DeviceRaceHasOneWinner(t *testing.T) {
	b := newBench(t)
	d := b.device("tv")
	b.decide(d, "approve")
	replies := make([]reply, 32)
	var done sync.WaitGroup
	for i := range replies {
		done.Go(func() { replies[i] = b.poll(d) })
	}
	done.Wait()
	won := 0
	for _, r := range replies {
		if r.Status != http.StatusOK {
			r.refused(t, 400, "invalid_grant")
			continue
		}
		if won++; b.works(r.Access) {
			t.Error("the token outlives the replay")
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

// A2: the store never gets a value that a device could present.
func TestDeviceStoreHoldsDigestsOnly(t *testing.T) {
	spy := &spyStore{}
	b := newBench(t, func(c *authserver.Config) { spy.Store = c.Store; c.Store = spy })
	d := b.device("tv")
	b.decide(d, "approve")
	r := b.poll(d).must(t)
	seen := spy.seen.String()
	if !strings.Contains(seen, "notes.read") {
		t.Fatal("nothing stored")
	}
	for _, v := range []string{d.DeviceCode, d.UserCode, strings.ReplaceAll(d.UserCode, "-", ""), r.Access, r.Refresh} {
		if strings.Contains(seen, v) {
			t.Errorf("%s is in the store", v)
		}
	}
}

// A7
func TestA7DeviceStoreTroubles(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"busy", authserver.ErrUnavailable, 503, "temporarily_unavailable"},
		{"broken", errors.New("password of the database is hunter2"), 500, "server_error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &brokenDevices{}
			b := newBench(t, func(c *authserver.Config) { store.Store = c.Store; c.Store = store })
			d := b.device("tv")
			page := b.enter(d.UserCode)
			store.err = row.err
			b.post("/device_authorization", url.Values{"client_id": {"tv"}}).refused(t, row.status, row.code)
			b.poll(d).refused(t, row.status, row.code)
			for _, resp := range []authserver.Response{b.submit(page, "approve", nil), b.enter(d.UserCode)} {
				if resp.Status != row.status || !strings.Contains(string(resp.Body), row.code) || strings.Contains(string(resp.Body), "hunter2") {
					t.Errorf("%d %s", resp.Status, resp.Body)
				}
			}
		})
	}
	t.Run("user codes that are always taken", func(t *testing.T) {
		b := newBench(t, func(c *authserver.Config) { c.Rand = zeros{} })
		first := b.device("tv")
		b.post("/device_authorization", url.Values{"client_id": {"tv"}}).refused(t, 503, "temporarily_unavailable")
		b.now = b.now.Add(10 * time.Minute)
		if again := b.device("tv"); again.UserCode != first.UserCode {
			t.Error("the expired code is not free again")
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type brokenDevices struct {
	authserver.Store
	err error
}

func (s *brokenDevices) SaveDevice(d authserver.DeviceRecord) error {
	return errors.Join(s.err, s.Store.SaveDevice(d))
}

func (s *brokenDevices) Device(d authserver.Digest) (authserver.DeviceRecord, error) {
	r, err := s.Store.Device(d)
	return r, errors.Join(s.err, err)
}

func (s *brokenDevices) DeviceByUserCode(d authserver.Digest) (authserver.DeviceRecord, error) {
	r, err := s.Store.DeviceByUserCode(d)
	return r, errors.Join(s.err, err)
}
