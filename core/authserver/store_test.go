package authserver_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A4, A8: of many refreshes with one token exactly one is answered, and of many exchanges of one
// code.
func TestA8RaceHasOneWinner(t *testing.T) {
	for _, row := range []struct {
		name  string
		grace time.Duration
		form  func(*bench) url.Values
		all   bool
	}{
		{"refresh token", 0, func(b *bench) url.Values {
			return url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {b.granted("spa").Refresh}}
		}, false},
		{"refresh token with grace", time.Second, func(b *bench) url.Values {
			return url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {b.granted("spa").Refresh}}
		}, true},
		{"code", 0, func(b *bench) url.Values { return exchange("spa", b.code(request("spa"))) }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, func(c *authserver.Config) { c.RotationGrace = row.grace })
			form := row.form(b)
			const n = 32
			replies := make([]reply, n)
			var ready, done sync.WaitGroup
			ready.Add(1)
			for i := range n {
				done.Go(func() {
					ready.Wait()
					replies[i] = b.post("/token", form)
				})
			}
			ready.Done()
			done.Wait()
			won, alive := 0, 0
			for _, r := range replies {
				if r.Status == 200 {
					won++
				} else {
					r.refused(t, 400, "invalid_grant")
				}
				if r.Access != "" && b.works(r.Access) {
					alive++
				}
			}
			if row.all {
				if won != n || alive != n {
					t.Errorf("%d won, %d alive", won, alive)
				}
				return
			}
			// The losers are replays, so the winner's tokens are revoked, too.
			if won != 1 || alive != 0 {
				t.Errorf("%d won, %d alive", won, alive)
			}
		})
	}
}

// A2, A3: the store never gets a value that could be presented to the server.
func TestStoreHoldsDigestsOnly(t *testing.T) {
	spy := &spyStore{}
	b := newBench(t, func(c *authserver.Config) { spy.Store = c.Store; c.Store = spy })
	code := b.code(request("spa"))
	first := b.post("/token", exchange("spa", code)).must(t)
	second := b.refresh("spa", first.Refresh).must(t)
	if spy.seen.Len() == 0 {
		t.Fatal("nothing stored")
	}
	for _, v := range []string{code, first.Access, first.Refresh, second.Access, second.Refresh, b.cookie[len("__Host-authserver="):]} {
		if bytes.Contains(spy.seen.Bytes(), []byte(v)) {
			t.Errorf("%s is in the store", v)
		}
	}
	rec, err := b.store.Token(authserver.DigestOf(second.Access))
	if err != nil || rec.TokenType != "Bearer" || rec.User != "first" || rec.IssuedAt != start || rec.ExpiresIn != 10*time.Minute {
		t.Errorf("%+v %v", rec, err)
	}
}

type spyStore struct {
	authserver.Store
	seen bytes.Buffer
}

func (s *spyStore) SaveCode(r authserver.CodeRecord) error {
	fmt.Fprintf(&s.seen, "%+v\n", r)
	return s.Store.SaveCode(r)
}

func (s *spyStore) RedeemCode(d authserver.Digest, r authserver.TokenRecord) error {
	fmt.Fprintf(&s.seen, "%+v\n", r)
	return s.Store.RedeemCode(d, r)
}

func (s *spyStore) SaveDevice(d authserver.DeviceRecord) error {
	fmt.Fprintf(&s.seen, "%+v\n", d)
	return s.Store.SaveDevice(d)
}

func (s *spyStore) DecideDevice(d authserver.Digest, decision authserver.DeviceStatus, user string) error {
	fmt.Fprintf(&s.seen, "%x %s %s\n", d, decision, user)
	return s.Store.DecideDevice(d, decision, user)
}

func (s *spyStore) RedeemDevice(d authserver.Digest, r authserver.TokenRecord) error {
	fmt.Fprintf(&s.seen, "%+v\n", r)
	return s.Store.RedeemDevice(d, r)
}

func (s *spyStore) RotateRefreshToken(d authserver.Digest, r authserver.TokenRecord, grace time.Duration) error {
	fmt.Fprintf(&s.seen, "%+v\n", r)
	return s.Store.RotateRefreshToken(d, r, grace)
}

func (s *spyStore) SaveSession(d authserver.Digest, r authserver.Session) error {
	fmt.Fprintf(&s.seen, "%+v\n", r)
	return s.Store.SaveSession(d, r)
}

func TestMemoryStoreForgetsWhatExpired(t *testing.T) {
	m := authserver.NewMemoryStore()
	name := func(kind string, i int) authserver.Digest { return authserver.DigestOf(fmt.Sprint(kind, i)) }
	const n = 300
	for i := range n {
		now := start.Add(time.Duration(i) * time.Minute)
		code := authserver.CodeRecord{Digest: name("code", i), Grant: fmt.Sprint(i),
			AuthorizationCode: authserver.AuthorizationCode{IssuedAt: now, ExpiresIn: time.Minute}}
		token := authserver.TokenRecord{Access: name("access", i), Refresh: name("refresh", i), Grant: fmt.Sprint(i),
			Token: authserver.Token{IssuedAt: now, ExpiresIn: time.Minute, RefreshTokenExpiresIn: time.Hour}}
		device := authserver.DeviceRecord{Digest: name("device", i), UserCode: name("user", i), IssuedAt: now, ExpiresIn: time.Minute}
		if err := errors.Join(m.SaveDevice(device), m.SaveCode(code), m.RedeemCode(code.Digest, token),
			m.SaveSession(name("session", i), authserver.Session{AuthTime: now, ExpiresAt: now.Add(time.Hour)})); err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range []struct {
		name string
		i    int
		want error
	}{{"expired long ago", 0, authserver.ErrNotFound}, {"refresh token alive", n - 1, nil}} {
		t.Run(row.name, func(t *testing.T) {
			_, code := m.Code(name("code", row.i))
			_, access := m.Token(name("access", row.i))
			_, refresh := m.Token(name("refresh", row.i))
			_, session := m.Session(name("session", row.i))
			_, device := m.Device(name("device", row.i))
			_, userCode := m.DeviceByUserCode(name("user", row.i))
			for _, err := range []error{code, access, refresh, session, device, userCode} {
				if !errors.Is(err, row.want) {
					t.Error(err)
				}
			}
		})
	}
}

func TestMemoryStoreNotFound(t *testing.T) {
	m := authserver.NewMemoryStore()
	d := authserver.DigestOf("x")
	_, client := m.Client("x")
	_, deleted := m.DeleteSession(d)
	_, poll := m.PollDevice(d, start)
	pending := authserver.DeviceRecord{Digest: authserver.DigestOf("pending"), Status: authserver.DevicePending}
	if err := m.SaveDevice(pending); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"client": client, "redeem": m.RedeemCode(d, authserver.TokenRecord{}), "rotate": m.RotateRefreshToken(d, authserver.TokenRecord{}, 0),
		"poll": poll,
		"join": m.JoinSession(d, authserver.SessionMember{}), "take": m.TakePushed(d),
		"decide": m.DecideDevice(d, authserver.DeviceApproved, "x"), "redeem device": m.RedeemDevice(d, authserver.TokenRecord{}),
		"redeem pending device": m.RedeemDevice(pending.Digest, authserver.TokenRecord{}),
	} {
		if !errors.Is(err, authserver.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(m.RevokeAccessToken(d), m.RevokeGrant("x"), deleted); err != nil {
		t.Error(err)
	}
}
