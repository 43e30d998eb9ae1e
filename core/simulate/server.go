package simulate

import (
	"encoding/json"
	"html"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	issuer      = "https://as.example"
	redirectURI = "https://app.example/cb"
	clientID    = "app"
	resourceURL = "https://api.example/v1"
)

// server is the project's own authorization server, with the true time and random numbers of the
// seed.
type server struct {
	w      *World
	as     *authserver.Server
	kept   *authserver.MemoryStore
	rand   *rand.ChaCha8
	secret string // the client's
	cookie string // of the user's browser
}

// flakyStore is the server's store. It fails as often as the plan says.
type flakyStore struct {
	authserver.Store
	w *World
}

func (s flakyStore) Client(id string) (authserver.Client, error) {
	if s.w.goesWrong(serverFails) {
		return authserver.Client{}, authserver.ErrUnavailable
	}
	return s.Store.Client(id)
}

func newServer(w *World) *server {
	s := &server{w: w, kept: authserver.NewMemoryStore(), rand: rand.NewChaCha8([32]byte{byte(w.seed), byte(w.seed >> 8), 1})}
	if w.plan.secret {
		s.secret = "client-secret-of-the-simulated-application"
		w.ledger.secret("client-secret", s.secret)
	}
	err := s.kept.AddClient(authserver.Client{ClientID: clientID, ClientSecret: s.secret, RedirectURIs: []string{redirectURI}, Scope: "profile email",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode}})
	if err != nil {
		panic(err)
	}
	s.restart()
	return s
}

// restart makes the server again, with the store that it had.
func (s *server) restart() {
	p := s.w.plan
	as, err := authserver.New(authserver.Config{
		Issuer: issuer, Store: flakyStore{s.kept, s.w}, Users: map[string]authserver.User{"user": {Password: "password", Name: "User"}},
		AccessTokenLifetime: time.Duration(p.accessLife) * time.Second, RefreshTokenLifetime: time.Duration(p.refreshLife) * time.Second,
		DeviceInterval: time.Duration(p.interval) * time.Second, RotationGrace: time.Duration(p.grace) * time.Second, Rand: s.rand,
		DPoPNonceInterval: time.Duration(p.nonceLife) * time.Second, Resources: []string{resourceURL, "https://other.example"},
	})
	if err != nil {
		panic(err)
	}
	s.as = as
}

func (s *server) time() time.Time { return time.UnixMilli(s.w.now) }

// handle answers a request of a party and records what was issued.
func (s *server) handle(method, target string, header http.Header, body string) authserver.Response {
	res := s.as.Handle(authserver.Request{Method: method, URL: target, Header: header, Body: []byte(body), Now: s.time()})
	if strings.HasSuffix(target, "/device_authorization") {
		var started struct {
			Code string `json:"device_code"`
		}
		json.Unmarshal(res.Body, &started) // an error has no such members
		s.w.ledger.secret("device", started.Code)
	}
	if strings.HasSuffix(target, "/token") && res.Status == http.StatusOK {
		form, _ := url.ParseQuery(body)
		var issued tokenAnswer
		if json.Unmarshal(res.Body, &issued) == nil {
			s.w.ledger.mint(issued.Access, issued.Refresh, form.Get("refresh_token"))
			s.w.ledger.bind(s.kept, issued)
		}
	}
	return res
}

// honours reports whether the server would accept the refresh token now.
func (s *server) honours(refresh string) bool {
	digest := authserver.DigestOf(refresh)
	t, err := s.kept.Token(digest)
	now := s.time()
	return err == nil && t.Refresh == digest && !t.Revoked && !t.RefreshTokenExpired(now) &&
		(t.RotatedAt.IsZero() || s.w.plan.grace > 0 && now.Sub(t.RotatedAt) <= time.Duration(s.w.plan.grace)*time.Second)
}

// isFor reports whether an issued access token is for that resource alone.
func (s *server) isFor(access, resource string) bool {
	t, err := s.kept.Token(authserver.DigestOf(access))
	return err != nil || slices.Equal(t.Resources, []string{resource}) // the store may have deleted an expired one
}

func (s *server) accepts(access string) bool {
	digest := authserver.DigestOf(access)
	t, err := s.kept.Token(digest)
	return err == nil && t.Access == digest && !t.Revoked && !t.IsExpired(s.time())
}

// access is the protected resource. live reports whether the token is valid, whatever the proof is.
func (s *server) access(method, target string, header http.Header) (res authserver.Response, live bool) {
	_, value, _ := strings.Cut(header.Get("Authorization"), " ")
	_, res, _ = s.as.CheckAccess(authserver.Request{Method: method, URL: target, Header: header, Now: s.time()}, authserver.Access{Resource: resourceURL})
	return res, s.accepts(value)
}

var (
	formAction      = regexp.MustCompile(`action="([^"]+)"`)
	formInteraction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)
)

// visit is a request of the user's browser to the server. The network between them has no faults.
func (s *server) visit(method, target string, form url.Values) authserver.Response {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if s.cookie != "" {
		h.Set("Cookie", s.cookie)
	}
	res := s.as.Handle(authserver.Request{Method: method, URL: target, Header: h, Body: []byte(form.Encode()), Now: s.time()})
	if set := res.Header.Get("Set-Cookie"); set != "" {
		s.cookie, _, _ = strings.Cut(set, ";")
	}
	return res
}

func (s *server) submit(page authserver.Response, action string, more url.Values) authserver.Response {
	to, token := formAction.FindSubmatch(page.Body), formInteraction.FindSubmatch(page.Body)
	if to == nil || token == nil {
		return page
	}
	form := url.Values{"interaction": {string(token[1])}, "action": {action}}
	maps.Copy(form, more)
	return s.visit("POST", html.UnescapeString(string(to[1])), form)
}

// signIn goes through the pages at an authorization URL and returns where the browser is
// redirected, "" if it is not.
func (s *server) signIn(authorizationURL, decision string) (callback string) {
	page := s.visit("GET", authorizationURL, nil)
	if strings.Contains(string(page.Body), `data-testid="login"`) {
		if page = s.submit(page, "sign-in", url.Values{"username": {"user"}, "password": {"password"}}); page.Status == http.StatusSeeOther &&
			strings.HasPrefix(page.Header.Get("Location"), "/") {
			page = s.visit("GET", page.Header.Get("Location"), nil)
		}
	}
	if strings.Contains(string(page.Body), `data-testid="approve"`) {
		page = s.submit(page, decision, nil)
	}
	callback = page.Header.Get("Location")
	if u, err := url.Parse(callback); err == nil && u.Query().Get("code") != "" {
		s.w.ledger.secret("code", u.Query().Get("code"))
		s.w.ledger.codes[u.Query().Get("code")] = &code{}
	}
	return callback
}

// elsewhere returns a code that was obtained without the parties, and its verifier.
func (s *server) elsewhere() (authorizationCode, verifier string) {
	// RFC 7636 appendix B.
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	q := url.Values{"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}, "state": {"elsewhere"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}}
	u, err := url.Parse(s.signIn("/authorize?"+q.Encode(), "approve"))
	if err != nil {
		return "", verifier
	}
	return u.Query().Get("code"), verifier
}

// given returns a whole token answer that was obtained without the parties.
func (s *server) given() (body []byte, ok bool) {
	authorizationCode, verifier := s.elsewhere()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {authorizationCode}, "code_verifier": {verifier}, "redirect_uri": {redirectURI}, "client_id": {clientID}}
	if s.secret != "" {
		form.Set("client_secret", s.secret)
	}
	res := s.handle("POST", issuer+"/token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
	return res.Body, res.Status == http.StatusOK
}

// wire returns headers in the form of the contract, always in the same order.
func wire(h http.Header) [][2]string {
	pairs := [][2]string{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			pairs = append(pairs, [2]string{strings.ToLower(name), v})
		}
	}
	return pairs
}
