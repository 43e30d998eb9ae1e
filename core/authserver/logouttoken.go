package authserver

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// logoutTokenLifetime follows OpenID Connect Back-Channel Logout section 2.4: two minutes at most.
const logoutTokenLifetime = 2 * time.Minute

// logoutClaims are those of OpenID Connect Back-Channel Logout section 2.4; times are Unix seconds.
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

// signOut ends the browser's session, if it has one: what was granted in it is revoked, unless it
// was meant to last, and its clients are told by the back channel. The addresses returned are for
// those that are told by frames.
func (s *Server) signOut(now time.Time, b browser) (frames []string, err error) {
	// What counts is what the session has come to by now.
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
			continue // a client that is gone has nothing to be told
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
// Back-Channel Logout section 2.5 says, each in a goroutine of its own, once, for five seconds,
// without following redirects. A client that keeps others waiting is not told: no more than 32
// posts to one host, and 256 in all, are on their way at one time. Nil for the transport means
// [PublicTransport], with which an address that a client registered cannot lead into the server's
// own network.
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
