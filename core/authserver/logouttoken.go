package authserver

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// logoutTokenLifetime follows OpenID Connect Back-Channel Logout section 2.4: two minutes at most.
const logoutTokenLifetime = 2 * time.Minute

// logoutClaims are the claims of OpenID Connect Back-Channel Logout section 2.4; times are Unix
// seconds.
type logoutClaims struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub"`
	Audience  string              `json:"aud"`
	IssuedAt  int64               `json:"iat"`
	Expires   int64               `json:"exp"`
	ID        string              `json:"jti"`
	SessionID string              `json:"sid"`
	Events    map[string]struct{} `json:"events"`
}

// signOut ends the browser's session, if it has one. It revokes what was granted in the session,
// except grants that outlive it, and notifies clients by the back channel. It returns the addresses
// of clients that are notified by frames.
func (s *Server) signOut(now time.Time, b browser) (frames []string, err error) {
	// DeleteSession returns the session with all members that have joined by now.
	session, err := s.cfg.Store.DeleteSession(DigestOf(b.id))
	if err != nil || !b.signedIn {
		return nil, err
	}
	var told []string
	for _, m := range session.Members {
		if !m.Offline {
			// OpenID Connect Back-Channel Logout section 2.7.
			if err := s.cfg.Store.RevokeGrant(m.Grant); err != nil {
				return nil, err
			}
		}
		client, err := s.cfg.Store.Client(m.ClientID)
		if err != nil || slices.Contains(told, m.ClientID) {
			continue // a deleted client need not be notified
		}
		told = append(told, m.ClientID)
		if client.FrontchannelLogoutURI != "" {
			frames = append(frames, withQuery(client.FrontchannelLogoutURI, url.Values{"iss": {s.cfg.Issuer}, "sid": {session.SID}}))
		}
		if client.BackchannelLogoutURI != "" && s.cfg.BackchannelLogout != nil {
			token, err := s.logoutToken(now, client, session)
			if err != nil {
				return nil, err
			}
			s.cfg.BackchannelLogout(client.BackchannelLogoutURI, token)
		}
	}
	return frames, nil
}

func (s *Server) logoutToken(now time.Time, client Client, session Session) (string, error) {
	id, err := s.random.secret()
	if err != nil {
		return "", err
	}
	return s.keys.sign("logout+jwt", logoutClaims{
		Issuer:    s.cfg.Issuer,
		Subject:   s.cfg.Users[session.User].subject(session.User),
		Audience:  client.ClientID,
		IssuedAt:  now.Unix(),
		Expires:   now.Add(logoutTokenLifetime).Unix(),
		ID:        id,
		SessionID: session.SID,
		Events:    map[string]struct{}{"http://schemas.openid.net/event/backchannel-logout": {}},
	})
}

// PostLogoutTokens returns a [Config.BackchannelLogout] that posts tokens as OpenID Connect
// Back-Channel Logout section 2.5 says. Each is posted once, in its own goroutine, for five seconds
// at most, without following redirects. At most 32 posts to one host, and 256 in total, run at
// once; above that a client is not notified, so that slow clients do not delay others. If transport
// is nil, it uses [PublicTransport], so that an address that a client registered cannot lead into
// the server's own network.
func PostLogoutTokens(transport http.RoundTripper) func(uri, logoutToken string) {
	if transport == nil {
		transport = PublicTransport()
	}
	posts := &requestsUnderWay{toHost: map[string]int{}}
	client := &http.Client{
		Transport:     transport,
		Timeout:       5 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(uri, logoutToken string) {
		u, err := url.Parse(uri)
		if err != nil || !posts.begin(u.Host) {
			return
		}
		go func() {
			defer posts.end(u.Host)
			resp, err := client.PostForm(uri, url.Values{"logout_token": {logoutToken}})
			if err == nil {
				resp.Body.Close()
			}
		}()
	}
}
