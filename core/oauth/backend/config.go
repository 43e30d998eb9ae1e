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
	// a certificate. Its Name (default oauth2) begins all stored keys and cookie names. Its
	// RedirectURI is always Base + "/callback", and its TokenDestinations are the targets of Proxy.
	// AutoRefresh and the device flow are not allowed.
	Client oauth.Config `json:"client"`
	// Base is the base URL of the endpoints, such as "https://app.example/auth", on the origin of
	// the pages: https, or http on loopback. A request for another host is answered 421.
	Base string `json:"base"`
	// Origins are further origins whose pages may call the handler. They must be on the same site
	// as Base, such as "https://admin.app.example".
	Origins []string `json:"origins,omitempty"`
	// ReturnTo is where the browser may be sent after sign-in and sign-out: paths on the origin of
	// Base, each including all paths below it, or URLs. Empty means "/", which allows every path.
	ReturnTo []string `json:"return_to,omitempty"`
	// Header is the request header that pages have to send, with any value; forms and links of
	// other sites cannot send it. It is in lower case and begins with x-; empty means x-csrf.
	Header string `json:"header,omitempty"`
	// AnonymousStatus is the status of GET Base/session if nobody is signed in: 401, the default,
	// or 200.
	AnonymousStatus int `json:"anonymous_status,omitempty"`
	// SessionLife is how long a session lasts in total (0 means 12 hours), IdleLife how long it
	// lasts unused (0 means 1 hour). In JSON they are session_ms and idle_ms, in milliseconds.
	SessionLife time.Duration `json:"-"`
	IdleLife    time.Duration `json:"-"`
	// InsecureTokenEndpoint lets the page get the access token from GET Base/token. Then every
	// script in the page can get it; the proxy gives it to nobody.
	InsecureTokenEndpoint bool `json:"insecure_token_endpoint,omitempty"`
	// Proxy says which requests go to which resource, with the token.
	Proxy []Route `json:"proxy,omitempty"`
	// PassHeaders are names of further headers, in lower case, that pass between pages and
	// resources, both ways (core/contract/README.md, "Which headers pass"). Headers that identify
	// the caller, or belong to a connection, are refused.
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

// UnmarshalJSON implements json.Unmarshaler. An unknown member is an error.
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

// Route sends requests for a path, and all paths below it, to a resource.
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
	// GrantTypes are the grants that it may use.
	GrantTypes []GrantType `json:"grant_types"`
	// Audience are the audiences and resources that it may name (RFC 8693 section 2.1), Scope the
	// scopes, separated by spaces; Scope is needed.
	Audience []string `json:"audience,omitempty"`
	Scope    string   `json:"scope"`
	// RedirectURIs are those of the codes that it may redeem.
	RedirectURIs []string `json:"redirect_uris,omitempty"`
}

// mostConnections is how many connections to a resource stay open while nothing is asked of it.
const mostConnections = 256

// defaultSession is the engine's default. Session keys live as long.
const defaultSession = 12 * time.Hour

// Options are what a Handler works with: key ring, store, locks, HTTP clients. Ring is required.
type Options struct {
	// Ring seals the cookies and what is stored.
	Ring *Ring
	// Store keeps the sessions; nil means the memory of this process. Texts with tokens are sealed
	// before they are stored. A Store that is no oauth.ExpiringStore grows with every sign-in.
	// Package sqlitestore has one that outlives the process and can be shared.
	Store oauth.Store
	// Memory keeps exchanged tokens; nil means up to 1,000 of them in this Handler.
	Memory Memory
	// Locker makes handlers that share a Store refresh a session one after the other. Nil means the
	// Store if it is also a Locker, and otherwise one within this Handler.
	Locker oauth.Locker
	// Keys keeps session keys (Config.Client.DPoP); nil means the Store, sealed.
	Keys oauth.KeyStore
	// ClientKey signs for the client (private_key_jwt, signed requests); see oauth.Options.
	ClientKey crypto.Signer
	// HTTP sends requests to the authorization server; see oauth.Options.
	HTTP *http.Client
	// Resource sends requests to the targets of Config.Proxy; nil means one with a copy of
	// http.DefaultTransport that keeps more connections open. Redirects are passed on and not
	// followed; cookies are not kept. A Timeout also ends bodies that take longer, including
	// streams.
	Resource *http.Client
	// ResourceTimeout is how long a resource may take to begin its answer; 0 means 30 seconds. The
	// body may take any time.
	ResourceTimeout time.Duration
	// OnError gets errors of this host, one at a time: the Store failed, the engine was lost. They
	// contain no secret of the engine.
	OnError func(error)
	// OnEffect gets log entries about every effect of every request, with nothing secret: what
	// oteloauth makes spans and metrics of. It is called for several requests at once.
	OnEffect func(oauth.EffectInfo)
	// Background runs the work for a request, which may go on after the answer, and returns at
	// once. Nil means a goroutine. A host whose processes end with their requests has to keep them
	// alive for it.
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
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		// By default two connections to a host stay open: with more requests at a time, most would
		// begin with a handshake.
		t = t.Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, mostConnections
		own.Transport = t
	}
	own.Jar = nil
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Resource = &own
	return o
}
