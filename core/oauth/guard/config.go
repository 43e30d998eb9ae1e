package guard

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

// Config is the configuration. Its JSON is that of kind "resource" in core/contract/README.md. The
// engine checks it; what it refuses, New names.
type Config struct {
	// Resource is the identifier of the resource (RFC 9728 section 1.2), such as
	// "https://api.example/notes": https, or http on loopback. Its origin is the one that clients
	// use, and DPoP proofs are checked against it.
	Resource string `json:"resource"`
	// AuthorizationServers are those whose tokens are accepted, 16 at most.
	AuthorizationServers []Server `json:"authorization_servers"`
	// Audience are names of this resource in tokens; a token has to contain one of them. Empty
	// means only Resource.
	Audience []string `json:"audience,omitempty"`
	// Algorithms are those of access tokens, DPoPAlgorithms those of proofs; empty means all that a
	// host can verify.
	Algorithms     []oauth.Algorithm `json:"algorithms,omitempty"`
	DPoPAlgorithms []oauth.Algorithm `json:"dpop_algorithms,omitempty"`
	// InsecureUntypedTokens accepts JWTs of type JWT or without a type, which may lack client_id,
	// iat and jti. Keycloak and Microsoft Entra issue such tokens. An ID token for the same
	// audience is then accepted, too.
	InsecureUntypedTokens bool `json:"insecure_untyped_tokens,omitempty"`
	// InsecureWithoutAudience accepts tokens without an audience.
	InsecureWithoutAudience bool `json:"insecure_without_audience,omitempty"`
	// Need is what every request needs.
	Need
	// DPoP says whether tokens that are bound to a key (RFC 9449) are accepted, required or
	// refused; empty means DPoPAccepted.
	DPoP DPoP `json:"dpop,omitempty"`
	// DPoPNonce requires proofs to contain a nonce of this resource. NonceKeys are the secrets from
	// which nonces are made, 32 bytes or more each, the newest first. To rotate, put a new key in
	// front on every machine, and remove the old one after NonceLife. Without NonceKeys each Guard
	// has its own key, so one Guard refuses the nonces of another.
	DPoPNonce bool       `json:"dpop_nonce,omitempty"`
	NonceKeys []NonceKey `json:"nonce_keys,omitempty"`
	// NonceLife is how long a nonce is valid: 10 seconds to an hour; 0 means 5 minutes. ProofLife
	// is how old a proof without a nonce may be: a second to an hour; 0 means a minute. In JSON
	// they are nonce_ms and proof_ms.
	NonceLife time.Duration `json:"-"`
	ProofLife time.Duration `json:"-"`
	// RequireBound refuses tokens that are bound neither to a key nor to a certificate.
	RequireBound bool `json:"require_bound,omitempty"`
	// ClockTolerance is how far clocks may be apart, 5 minutes at most; nil means 30 seconds. In
	// JSON it is clock_tolerance_ms.
	ClockTolerance *time.Duration `json:"-"`
	// KeysLife is how long the servers' keys are cached, a minute to a day; 0 means 10 minutes. In
	// JSON it is keys_ms.
	KeysLife time.Duration `json:"-"`
	// Certificates checks that a token's certificate is that of the connection (RFC 8705). If
	// proxies end TLS, CertificateHeader is the header, in lower case, in which they pass the
	// certificate (RFC 9440, base64, or PEM that may be escaped), and Proxies are their addresses
	// or networks. The header counts only on connections from one of them.
	Certificates      bool     `json:"certificates,omitempty"`
	CertificateHeader string   `json:"certificate_header,omitempty"`
	Proxies           []string `json:"proxies,omitempty"`
	// Origins are further origins under which clients see this resource.
	Origins []string `json:"origins,omitempty"`
	// Metadata are further members of the document that Guard.Metadata serves (RFC 9728 section 2),
	// such as resource_name.
	Metadata map[string]any `json:"metadata,omitempty"`
	// InsecureHTTPOrigins are origins to which requests may go without TLS; see oauth.Config.
	InsecureHTTPOrigins []string `json:"insecure_http_origins,omitempty"`
	// Name begins the keys in the Store; empty means oauth2. Resources that share a Store and serve
	// the same clients need a Name each.
	Name      string `json:"name,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

// Server is an authorization server.
type Server struct {
	// Issuer is its identifier, as in its tokens (RFC 8414 section 2).
	Issuer string `json:"issuer"`
	// Discovery reads its metadata, from MetadataURL if that is set. Discovery is the default if
	// neither JWKSURI nor IntrospectionEndpoint is given.
	Discovery   bool   `json:"discovery,omitempty"`
	MetadataURL string `json:"metadata_url,omitempty"`
	// IssuerTemplate is an issuer with {tenantid} in it, for servers with many tenants; see
	// oauth.Config.
	IssuerTemplate string `json:"issuer_template,omitempty"`
	// JWKSURI is where its keys are (RFC 7517). IntrospectionEndpoint is where it answers questions
	// about tokens (RFC 7662).
	JWKSURI               string `json:"jwks_uri,omitempty"`
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	// ClientID is the client that introspects. It authenticates with ClientSecret, or with
	// Options.ClientKey, which the server knows as ClientKeyID; see oauth.Config. Without a
	// ClientID there is no introspection.
	ClientID                        string           `json:"client_id,omitempty"`
	ClientSecret                    string           `json:"client_secret,omitempty"`
	ClientKeyID                     string           `json:"client_key_id,omitempty"`
	ClientAssertionAudience         string           `json:"client_assertion_audience,omitempty"`
	TokenEndpointAuthSigningAlg     oauth.Algorithm  `json:"token_endpoint_auth_signing_alg,omitempty"`
	IntrospectionEndpointAuthMethod oauth.AuthMethod `json:"introspection_endpoint_auth_method,omitempty"`
	// IntrospectionSignedResponseAlg requires signed answers to introspection (RFC 9701).
	IntrospectionSignedResponseAlg oauth.Algorithm `json:"introspection_signed_response_alg,omitempty"`
	// Introspect says which tokens are introspected; empty means IntrospectOpaque.
	Introspect Introspect `json:"introspect,omitempty"`
}

// Introspect says which tokens are introspected.
type Introspect string

const (
	IntrospectOpaque Introspect = "opaque" // those that are no JWTs
	IntrospectAll    Introspect = "all"    // JWTs too: one that was revoked is refused, within a minute
)

// DPoP says whether tokens that are bound to a key are accepted, required or refused.
type DPoP string

const (
	DPoPAccepted DPoP = "accepted"
	DPoPRequired DPoP = "required" // others are refused
	DPoPOff      DPoP = "off"      // they are refused
)

// Need is what a request needs in addition to a valid token. The members that Handler and Check are
// given replace those of Config, unless they are zero.
type Need struct {
	// Scope are the scopes, separated by spaces, that the token needs; all of them.
	Scope string `json:"scope,omitempty"`
	// ACRValues are authentication context classes, separated by spaces. The token needs one of
	// them (RFC 9470).
	ACRValues string `json:"acr_values,omitempty"`
	// MaxAge is how long ago the user may have been authenticated, in whole seconds on the wire;
	// nil means any time.
	MaxAge *time.Duration `json:"-"`
}

func (n Need) seconds() *int64 {
	if n.MaxAge == nil {
		return nil
	}
	s := int64(*n.MaxAge / time.Second)
	return &s
}

// NonceKey is a secret of 32 random bytes or more.
type NonceKey []byte

// MarshalText implements encoding.TextMarshaler: base64url without padding.
func (k NonceKey) MarshalText() ([]byte, error) { return []byte(base64url.EncodeToString(k)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *NonceKey) UnmarshalText(text []byte) (err error) {
	*k, err = base64url.DecodeString(string(text))
	return err
}

// wireConfig is a Config as the engine reads it.
type wireConfig struct {
	plainConfig
	AuthorizationServers []wireServer `json:"authorization_servers"`
	MaxAge               *int64       `json:"max_age,omitempty"`
	NonceMS              int64        `json:"nonce_ms,omitempty"`
	ProofMS              int64        `json:"proof_ms,omitempty"`
	ClockToleranceMS     *int64       `json:"clock_tolerance_ms,omitempty"`
	KeysMS               int64        `json:"keys_ms,omitempty"`
}

type plainConfig Config

type wireServer struct {
	Server
	ClientKey string `json:"client_key,omitempty"`
}

// clientKey is the name of Options.ClientKey, by which package oauth knows it.
const clientKey = "client_key"

func (c Config) wire(key bool) wireConfig {
	w := wireConfig{plainConfig: plainConfig(c), AuthorizationServers: []wireServer{}, NonceMS: wholeMS(c.NonceLife), ProofMS: wholeMS(c.ProofLife), KeysMS: wholeMS(c.KeysLife), MaxAge: c.Need.seconds()}
	if c.ClockTolerance != nil {
		ms := wholeMS(*c.ClockTolerance)
		w.ClockToleranceMS = &ms
	}
	for _, s := range c.AuthorizationServers {
		wire := wireServer{Server: s}
		if key && s.ClientID != "" {
			wire.ClientKey = clientKey
		}
		w.AuthorizationServers = append(w.AuthorizationServers, wire)
	}
	return w
}

// MarshalJSON implements json.Marshaler.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.wire(false)) }

// UnmarshalJSON implements json.Unmarshaler. An unknown member is an error.
func (c *Config) UnmarshalJSON(text []byte) error {
	var w wireConfig
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return err
	}
	*c = Config(w.plainConfig)
	c.AuthorizationServers = nil
	for _, s := range w.AuthorizationServers {
		c.AuthorizationServers = append(c.AuthorizationServers, s.Server)
	}
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	c.NonceLife, c.ProofLife, c.KeysLife = ms(w.NonceMS), ms(w.ProofMS), ms(w.KeysMS)
	if w.ClockToleranceMS != nil {
		d := ms(*w.ClockToleranceMS)
		c.ClockTolerance = &d
	}
	if w.MaxAge != nil {
		d := time.Duration(*w.MaxAge) * time.Second
		c.MaxAge = &d
	}
	return nil
}

// wholeMS is d in milliseconds; a part of one counts.
func wholeMS(d time.Duration) int64 { return int64(math.Ceil(float64(d) / float64(time.Millisecond))) }

// Options are what a Guard works with: store, HTTP client, keys, clock. The zero value is for a
// single process.
type Options struct {
	// HTTP sends requests to the authorization servers; see oauth.Options.
	HTTP *http.Client
	// Store remembers proofs, so that each is accepted once, in all processes that share it. Nil
	// means memory for 100,000 proofs; a request beyond that is refused with 503. If it is an
	// oauth.ExpiringStore, only StoreUntil with new keys is called.
	Store oauth.Store
	// ClientKey signs for the client of every Server that has a ClientID (private_key_jwt).
	ClientKey crypto.Signer
	// Certificate returns the certificate of the request's client as DER, or nil. If Certificate is
	// nil, the one of the TLS connection is used.
	Certificate func(*http.Request) []byte
	// OnRefused is called for each request that was refused, on the goroutine that serves it.
	OnRefused func(*http.Request, Reason)
	// OnError gets errors of this host, one at a time: the Store failed, a server cannot be
	// reached.
	OnError func(error)
	// Now is the clock, nil means time.Now; Rand the source of random bytes, nil means crypto/rand.
	Now  func() time.Time
	Rand io.Reader
}
