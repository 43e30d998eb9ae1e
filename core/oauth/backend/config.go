package backend

import (
	"bytes"
	"crypto"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Config is the configuration. Its JSON is that of kind "bff" in core/contract/README.md. The
// engine checks it; what it refuses, New names.
type Config struct {
	// Client is the client at the authorization server, a confidential one: with a secret, a key or
	// a certificate. Its Name (default oauth2) is the prefix of all that is stored and of the
	// cookies; its RedirectURI is Base + "/callback" and its TokenDestinations are the targets of
	// Proxy, by themselves. No AutoRefresh and no device flow.
	Client oauth.Config `json:"client"`
	// Base is the URL under which the endpoints stand, such as "https://app.example/auth", on the
	// origin of the pages: https, or http on loopback. Its origin is what browsers have to ask for:
	// a request for another host is answered 421.
	Base string `json:"base"`
	// Origins are further origins whose pages may call, of the same site as Base, such as
	// "https://admin.app.example".
	Origins []string `json:"origins,omitempty"`
	// ReturnTo is where the browser may be sent after sign-in and sign-out: paths of the origin of
	// Base, each with all below it, or URLs. Empty means "/", so every path.
	ReturnTo []string `json:"return_to,omitempty"`
	// Header is the request header, in lower case and beginning with x-, that pages have to send,
	// with any value, and that no form or link of another site can; empty means x-csrf.
	Header string `json:"header,omitempty"`
	// AnonymousStatus is what GET Base/session answers where nobody is signed in: 401, which is the
	// default, or 200.
	AnonymousStatus int `json:"anonymous_status,omitempty"`
	// SessionLife is how long a session lasts in all, IdleLife how long while it is not used; 0
	// means 12 hours and 1 hour. In JSON they are session_ms and idle_ms, in milliseconds.
	SessionLife time.Duration `json:"-"`
	IdleLife    time.Duration `json:"-"`
	// InsecureTokenEndpoint has GET Base/token hand the page the access token. Whoever gets script
	// into the page gets it then; the proxy gives it to nobody.
	InsecureTokenEndpoint bool `json:"insecure_token_endpoint,omitempty"`
	// Proxy says which requests go to which resource, with the token.
	Proxy []Route `json:"proxy,omitempty"`
	// PassHeaders are names of headers, in lower case, that pass between pages and resources, both
	// ways, besides those that always do (core/contract/README.md, "Which headers pass"). None that
	// says who calls, or belongs to a connection.
	PassHeaders []string `json:"pass_headers,omitempty"`
	// Callers are the services that may use POST Base/exchange.
	Callers []Caller `json:"callers,omitempty"`
}

// wireConfig is a Config as the engine reads it.
type wireConfig struct {
	plainConfig
	Client    json.RawMessage `json:"client"`
	SessionMS int64           `json:"session_ms,omitempty"`
	IdleMS    int64           `json:"idle_ms,omitempty"`
}

type plainConfig Config

func (c Config) wire(client json.RawMessage) wireConfig {
	return wireConfig{plainConfig(c), client, wholeMS(c.SessionLife), wholeMS(c.IdleLife)}
}

// wholeMS is d in milliseconds; a part of one counts.
func wholeMS(d time.Duration) int64 { return int64(math.Ceil(float64(d) / float64(time.Millisecond))) }

// MarshalJSON implements json.Marshaler.
func (c Config) MarshalJSON() ([]byte, error) {
	client, err := json.Marshal(c.Client)
	if err != nil {
		return nil, err
	}
	return json.Marshal(c.wire(client))
}

// UnmarshalJSON implements json.Unmarshaler. A member that there is not is an error.
func (c *Config) UnmarshalJSON(text []byte) error {
	w := c.wire(nil)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return err
	}
	client := c.Client
	if w.Client != nil {
		if err := json.Unmarshal(w.Client, &client); err != nil {
			return err
		}
	}
	*c = Config(w.plainConfig)
	c.Client, c.SessionLife, c.IdleLife = client, time.Duration(w.SessionMS)*time.Millisecond, time.Duration(w.IdleMS)*time.Millisecond
	return nil
}

// Route leads a path, with all below it, to a resource.
type Route struct {
	// Path is on the origin of Base, such as "/api".
	Path string `json:"path"`
	// Target is a URL without a query, such as "https://api.example/v1".
	Target string `json:"target"`
}

// A GrantType is how a Caller gets a token (RFC 6749 section 4.4, section 4.1.3, RFC 8693 section
// 2.1).
type GrantType string

const (
	GrantClientCredentials GrantType = "client_credentials"
	GrantAuthorizationCode GrantType = "authorization_code"
	GrantTokenExchange     GrantType = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// Caller is a service that may use the exchange, and what it may ask for there.
type Caller struct {
	ClientID string `json:"client_id"`
	// SecretSHA256 is the base64url, without padding, of the SHA-256 of its secret, which has at
	// least 32 characters.
	SecretSHA256 string `json:"secret_sha256"`
	// GrantTypes are those that it may use.
	GrantTypes []GrantType `json:"grant_types"`
	// Audience are the audiences and resources that it may name (RFC 8693 section 2.1), Scope the
	// scopes, separated by spaces; Scope is needed.
	Audience []string `json:"audience,omitempty"`
	Scope    string   `json:"scope"`
	// RedirectURIs are where it gets codes.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
}

// defaultSession is the engine's own default; the keys of sessions last as long.
const defaultSession = 12 * time.Hour

// Options are the hands that a Handler works with. Ring is required.
type Options struct {
	// Ring seals the cookies and what is stored.
	Ring *Ring
	// Store keeps the sessions; nil means the memory of this process. What tokens are in is sealed
	// before it gets there. One that is no oauth.ExpiringStore grows with every sign-in; package
	// sqlitestore has one that lasts and is shared by processes.
	Store oauth.Store
	// Memory keeps tokens that were exchanged for other services; nil means up to 1,000 of them in
	// this Handler.
	Memory Memory
	// Locker makes handlers that share a Store refresh a session one after the other; nil means the
	// Store where it is a Locker too, and otherwise one within this Handler.
	Locker oauth.Locker
	// Keys keeps the keys of sessions (Config.Client.DPoP); nil means the Store, sealed.
	Keys oauth.KeyStore
	// ClientKey signs in the name of the client (private_key_jwt, signed requests); see
	// oauth.Options.
	ClientKey crypto.Signer
	// HTTP sends requests to the authorization server; see oauth.Options.
	HTTP *http.Client
	// Resource sends requests to the targets of Config.Proxy; nil means one with
	// http.DefaultTransport. Redirects are not followed but passed on, and cookies not kept. Its
	// Timeout, if it has one, cuts bodies off, streams included.
	Resource *http.Client
	// ResourceTimeout is how long a resource may be silent before its answer begins; 0 means 30
	// seconds. What follows takes as long as it takes.
	ResourceTimeout time.Duration
	// OnError gets what went wrong in this host, one at a time: a Store that fails, an engine that
	// was lost. It holds no secret of the engine's.
	OnError func(error)
	// Background runs what serves a request; it may go on when the request is answered, and returns
	// at once. nil means a goroutine. A host whose processes end with their requests has to keep
	// them for it.
	Background func(task func())
	// Now is the clock, nil means time.Now; Rand the source of random bytes, nil means crypto/rand.
	Now  func() time.Time
	Rand io.Reader
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Store == nil {
		o.Store = &oauth.MemoryStore{Now: o.Now}
	}
	if o.Memory == nil {
		o.Memory = &memory{now: o.Now}
	}
	if o.ResourceTimeout == 0 {
		o.ResourceTimeout = 30 * time.Second
	}
	if o.Background == nil {
		o.Background = func(task func()) { go task() }
	}
	own := http.Client{}
	if o.Resource != nil {
		own = *o.Resource
	}
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Resource = &own
	return o
}
