package authserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	hr      = "https://hr.example"
	payroll = "https://payroll.example"
)

// exchanging is a bench with four resources and a chain of clients: "app" is the user's; "mail-api"
// serves mail and may exchange for notes; "notes-api" serves notes and may exchange for payroll;
// "shut" serves mail and may exchange for nothing; "hr-api" serves hr.
func exchanging(t *testing.T) *bench {
	b := newBench(t, everyGrant, func(c *authserver.Config) { c.Resources = []string{notes, mail, hr, payroll} })
	exchange := []string{authserver.GrantTokenExchange}
	for _, c := range []authserver.Client{
		{ClientID: "app", ClientSecret: "app", RedirectURIs: []string{appRedirect}, GrantTypes: append(exchange, codeAndFresh...), Scope: "profile notes.read"},
		{ClientID: "mail-api", ClientSecret: "mail-api", ResourceServer: true, Resources: []string{mail}, GrantTypes: exchange, ExchangeTargets: []string{notes}},
		{ClientID: "notes-api", ClientSecret: "notes-api", ResourceServer: true, Resources: []string{notes}, GrantTypes: exchange, ExchangeTargets: []string{payroll}},
		{ClientID: "shut", ClientSecret: "shut", ResourceServer: true, Resources: []string{mail}, GrantTypes: exchange},
		{ClientID: "hr-api", ClientSecret: "hr-api", ResourceServer: true, Resources: []string{hr}, GrantTypes: exchange, ExchangeTargets: []string{notes}},
	} {
		if err := b.store.AddClient(c); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// consent returns the tokens that "app" gets if the user allows the resources.
func (b *bench) consent(resources ...string) reply {
	b.t.Helper()
	query := with(request("app"), "redirect_uri", appRedirect)
	query["resource"] = resources
	form := with(exchange("app", b.code(query)), "redirect_uri", appRedirect)
	return b.postWith("/token", basic("app", "app"), form).must(b.t)
}

func (b *bench) exchange(clientID, subject string, more ...string) reply {
	b.t.Helper()
	return b.postWith("/token", basic(clientID, clientID), with(url.Values{"grant_type": {authserver.GrantTokenExchange}, "subject_token": {subject},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}, more...))
}

// opens returns the resources that accept the token.
func (b *bench) opens(access string) (open string) {
	for name, resource := range map[string]string{"notes": notes, "mail": mail, "hr": hr, "payroll": payroll} {
		r := authserver.Request{Method: "GET", URL: "/x", Header: http.Header{"Authorization": {"Bearer " + access}}, Now: b.now}
		if _, _, ok := b.server.CheckAccess(r, authserver.Access{Resource: resource}); ok {
			if open != "" {
				open = "more than one"
				continue
			}
			open = name
		}
	}
	return open
}

// S85: an exchanged token is for what the user allowed the client or, if a resource server
// exchanges, for what its registration names (RFC 8693 section 2.1, RFC 8707 section 2.2).
func TestS85ExchangeStaysWithinConsent(t *testing.T) {
	for _, row := range []struct {
		name      string
		consent   []string
		client    string
		more      []string
		opens     string
		forbidden string
	}{
		{"own token, the audience that was allowed", []string{mail}, "app", []string{"audience", mail}, "mail", ""},
		{"own token, another audience", []string{mail}, "app", []string{"audience", notes}, "", "invalid_target"},
		{"own token, another resource", []string{mail}, "app", []string{"resource", notes}, "", "invalid_target"},
		{"own token, one allowed as resource and another as audience", []string{mail}, "app", []string{"resource", mail, "audience", notes}, "", "invalid_target"},
		{"own token, userinfo by the issuer's name", []string{mail}, "app", []string{"audience", issuer}, "", "invalid_target"},
		{"own token, nothing named", []string{mail}, "app", nil, "mail", ""},
		{"own token, one of two", []string{mail, hr}, "app", []string{"audience", hr}, "hr", ""},
		{"own token of a grant for any resource, narrowed", nil, "app", []string{"audience", hr}, "hr", ""},
		{"resource server, its target", []string{mail}, "mail-api", []string{"audience", notes}, "notes", ""},
		{"resource server, nothing named", []string{mail}, "mail-api", nil, "notes", ""},
		{"resource server, no target of its", []string{mail}, "mail-api", []string{"audience", hr}, "", "invalid_target"},
		{"resource server, no target of its beside one", []string{mail}, "mail-api", []string{"audience", notes, "resource", hr}, "", "invalid_target"},
		{"resource server, a token for any resource", nil, "mail-api", []string{"audience", hr}, "", "invalid_target"},
		{"resource server, a token for any resource, nothing named", nil, "mail-api", nil, "notes", ""},
		{"resource server without targets", []string{mail}, "shut", []string{"audience", mail}, "", "invalid_target"},
		{"resource server without targets, nothing named", nil, "shut", nil, "", "invalid_target"},
		{"resource server of another resource", []string{mail}, "hr-api", []string{"audience", notes}, "", "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := exchanging(t)
			r := b.exchange(row.client, b.consent(row.consent...).Access, row.more...)
			if row.forbidden != "" {
				r.refused(t, 400, row.forbidden)
				return
			}
			if open := b.opens(r.must(t).Access); open != row.opens {
				t.Errorf("good at %q, want %q", open, row.opens)
			}
		})
	}
}

// S85: with several audiences, each needs consent (RFC 8693 section 2.1 allows several).
func TestS85SeveralAudiences(t *testing.T) {
	b := exchanging(t)
	subject := b.consent(mail, hr).Access
	form := url.Values{"grant_type": {authserver.GrantTokenExchange}, "subject_token": {subject}, "audience": {mail, notes},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}
	b.postWith("/token", basic("app", "app"), form).refused(t, 400, "invalid_target")
	form["audience"] = []string{mail, hr, mail}
	token, ok := b.server.Authenticate(b.now, b.postWith("/token", basic("app", "app"), form).must(t).Access)
	if !ok || len(token.Resources) != 2 {
		t.Errorf("%+v", token)
	}
}

// S86: a chain of exchanges cannot get more than each of its steps: what was narrowed stays
// narrowed, and every resource server has its own targets.
func TestS86ChainsOfExchanges(t *testing.T) {
	b := exchanging(t)
	first := b.exchange("app", b.consent(mail, hr).Access, "audience", mail).must(t)
	b.exchange("app", first.Access, "audience", hr).refused(t, 400, "invalid_target")
	second := b.exchange("mail-api", first.Access).must(t)
	b.exchange("mail-api", second.Access, "audience", hr).refused(t, 400, "invalid_target")
	b.exchange("mail-api", second.Access, "audience", mail).refused(t, 400, "invalid_target")
	b.exchange("app", second.Access).refused(t, 400, "invalid_request")
	b.exchange("hr-api", second.Access).refused(t, 400, "invalid_request")
	third := b.exchange("notes-api", second.Access).must(t)
	if open := b.opens(third.Access); open != "payroll" {
		t.Error(open)
	}
	b.exchange("notes-api", third.Access, "audience", notes).refused(t, 400, "invalid_target")
	b.exchange("mail-api", b.consent(mail).Access, "scope", "email").refused(t, 400, "invalid_scope")
}

// S87: tokens that were exchanged for a token end with it (when the token alone or the grant is
// revoked, and at sign-out), and expire no later (RFC 8693 section 2.2.1, RFC 7009 section 2.1).
func TestS87DescendantsEndWithTheSubject(t *testing.T) {
	type tokens struct{ subject, child, grandchild, sibling reply }
	grown := func(b *bench) (k tokens) {
		k.subject = b.consent(mail)
		k.child = b.exchange("mail-api", k.subject.Access).must(b.t)
		k.grandchild = b.exchange("notes-api", k.child.Access).must(b.t)
		k.sibling = b.postWith("/token", basic("app", "app"), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {k.subject.Refresh}}).must(b.t)
		for i, r := range []reply{k.subject, k.child, k.grandchild, k.sibling} {
			if !b.works(r.Access) {
				b.t.Fatal("no good from the start:", i)
			}
		}
		return k
	}
	for _, row := range []struct {
		name    string
		end     func(*bench, tokens)
		sibling bool
	}{
		{"the access token is revoked", func(b *bench, k tokens) {
			b.postWith("/revoke", basic("app", "app"), url.Values{"token": {k.subject.Access}})
		}, true},
		{"the refresh token is revoked", func(b *bench, k tokens) {
			b.postWith("/revoke", basic("app", "app"), url.Values{"token": {k.sibling.Refresh}})
		}, false},
		{"a refresh token comes twice", func(b *bench, k tokens) {
			b.postWith("/token", basic("app", "app"), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {k.subject.Refresh}}).refused(b.t, 400, "invalid_grant")
		}, false},
		{"it expires", func(b *bench, _ tokens) { b.now = b.now.Add(10 * time.Minute) }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := exchanging(t)
			k := grown(b)
			row.end(b, k)
			if b.works(k.subject.Access) || b.works(k.child.Access) || b.works(k.grandchild.Access) || b.works(k.sibling.Access) != row.sibling {
				t.Error("alive:", b.works(k.subject.Access), b.works(k.child.Access), b.works(k.grandchild.Access), b.works(k.sibling.Access))
			}
			b.exchange("mail-api", k.subject.Access).refused(t, 400, "invalid_request")
			b.exchange("notes-api", k.child.Access).refused(t, 400, "invalid_request")
			b.exchange("notes-api", k.grandchild.Access).refused(t, 400, "invalid_request")
		})
	}
}

// S87: each token of a chain expires no later than the first one, whatever its own lifetime would
// be.
func TestS87LifetimesOfChains(t *testing.T) {
	b := exchanging(t)
	subject := b.consent(mail).Access
	b.now = b.now.Add(4 * time.Minute)
	child := b.exchange("mail-api", subject).must(t)
	b.now = b.now.Add(3 * time.Minute)
	grandchild := b.exchange("notes-api", child.Access).must(t)
	if child.Expires != 360 || grandchild.Expires != 180 {
		t.Error(child.Expires, grandchild.Expires)
	}
}

// S87: the store saves nothing for a token that ended during its exchange.
func TestS87ExchangeDuringRevocation(t *testing.T) {
	for name, end := range map[string]func(authserver.Store, authserver.TokenRecord) error{
		"token": func(s authserver.Store, r authserver.TokenRecord) error { return s.RevokeAccessToken(r.Access) },
		"grant": func(s authserver.Store, r authserver.TokenRecord) error { return s.RevokeGrant(r.Grant) },
	} {
		t.Run(name, func(t *testing.T) {
			late := &lateStore{end: end}
			b := newBench(t, everyGrant, func(c *authserver.Config) { late.Store = c.Store; c.Store = late })
			subject := b.post("/token", exchange("spa", b.code(request("spa")))).must(t).Access
			late.subject = authserver.DigestOf(subject)
			b.postWith("/token", basic("downstream", "down"), url.Values{"grant_type": {authserver.GrantTokenExchange}, "subject_token": {subject},
				"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}).refused(t, 400, "invalid_request")
		})
	}
}

// lateStore ends the subject of an exchange right before the new token is saved.
type lateStore struct {
	authserver.Store
	subject authserver.Digest
	end     func(authserver.Store, authserver.TokenRecord) error
}

func (s *lateStore) SaveToken(r authserver.TokenRecord) error {
	subject, err := s.Store.Token(s.subject)
	if err != nil {
		return err
	}
	if err := s.end(s.Store, subject); err != nil {
		return err
	}
	return s.Store.SaveToken(r)
}

// S88: a sign-out ends what was granted in the session: also an unused code, and what is granted at
// the same moment.
func TestS88NothingOutlivesTheSignOut(t *testing.T) {
	b := newBench(t)
	signOut := func() {
		page := b.visit("GET", "/logout", nil)
		b.submit(page, "sign-out", nil)
	}
	query := request("oidc")
	code := b.code(query)
	signOut()
	b.post("/token", exchange("oidc", code)).refused(t, 400, "invalid_grant")

	// Sign-out and consent at once, many times: whichever is first, no token remains.
	for range 50 {
		b.cookie = ""
		b.approve(query)
		consent := b.visit("GET", "/authorize?"+query.Encode(), nil)
		out := b.visit("GET", "/logout", nil)
		one, other := *b, *b
		var both sync.WaitGroup
		var answer authserver.Response
		both.Go(func() { answer = one.submit(consent, "approve", nil) })
		both.Go(func() { other.submit(out, "sign-out", nil) })
		both.Wait()
		u, err := url.Parse(answer.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		if code := u.Query().Get("code"); code != "" {
			b.post("/token", exchange("oidc", code)).refused(t, 400, "invalid_grant")
		}
	}
}

// S88: a sign-out between the issue of a code and its joining the session finds the code.
func TestS88SignOutBetweenCodeAndSession(t *testing.T) {
	for _, when := range []string{"SaveCode", "JoinSession"} {
		t.Run(when, func(t *testing.T) {
			store := &leavingStore{when: when}
			b := newBench(t, func(c *authserver.Config) { store.Store = c.Store; c.Store = store })
			b.code(request("oidc"))
			page := b.visit("GET", "/authorize?"+request("oidc").Encode(), nil)
			store.session = authserver.DigestOf(b.cookie[len("__Host-authserver="):])
			u := location(t, b.submit(page, "approve", nil))
			if u.Query().Get("error") != "login_required" || u.Query().Get("code") != "" {
				t.Error(u)
			}
			if _, err := store.Store.Code(store.code); err == nil {
				t.Error("the code is still there")
			}
		})
	}
}

// leavingStore ends the session right before an operation.
type leavingStore struct {
	authserver.Store
	when    string
	session authserver.Digest
	code    authserver.Digest
}

func (s *leavingStore) leave(at string) {
	if at == s.when && s.session != (authserver.Digest{}) {
		if _, err := s.Store.DeleteSession(s.session); err != nil {
			panic(fmt.Sprint(err))
		}
	}
}

func (s *leavingStore) SaveCode(c authserver.CodeRecord) error {
	s.code = c.Digest
	s.leave("SaveCode")
	return s.Store.SaveCode(c)
}

func (s *leavingStore) JoinSession(d authserver.Digest, m authserver.SessionMember) error {
	s.leave("JoinSession")
	return s.Store.JoinSession(d, m)
}

// S88: a grant that joins a session after the sign-out has read the session, and before it has
// ended it, ends with it.
func TestS88SignOutFindsWhatJoinedLast(t *testing.T) {
	for _, how := range []string{"sign-out", "somebody else signs in", "the same user signs in again"} {
		t.Run(how, func(t *testing.T) {
			store := &joiningStore{}
			b := newBench(t, func(c *authserver.Config) { store.Store = c.Store; c.Store = store })
			late := b.granted("oidc")
			record, err := b.store.Token(authserver.DigestOf(late.Access))
			if err != nil {
				t.Fatal(err)
			}
			b.cookie = ""
			b.code(with(request("oidc"), "scope", "profile")) // it does not join the session
			store.late = authserver.SessionMember{ClientID: "oidc", Grant: record.Grant, Scope: "openid"}
			if how == "sign-out" {
				b.submit(b.visit("GET", "/logout", nil), "sign-out", nil)
			} else {
				user := url.Values{"username": {"second"}, "password": {"two"}}
				if how == "the same user signs in again" {
					user = firstSignsIn
				}
				page := b.visit("GET", "/authorize?"+with(request("oidc"), "prompt", "login").Encode(), nil)
				b.submit(page, "sign-in", user)
				if how == "the same user signs in again" {
					b.submit(b.visit("GET", "/logout", nil), "sign-out", nil)
				}
			}
			if b.works(late.Access) {
				t.Error("the grant outlives the session")
			}
		})
	}
}

// joiningStore adds a member to a session right before it ends.
type joiningStore struct {
	authserver.Store
	late authserver.SessionMember
}

func (s *joiningStore) DeleteSession(d authserver.Digest) (authserver.Session, error) {
	if s.late.Grant != "" {
		if err := s.Store.JoinSession(d, s.late); err != nil {
			return authserver.Session{}, err
		}
		s.late.Grant = ""
	}
	return s.Store.DeleteSession(d)
}
