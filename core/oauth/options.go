package oauth

import (
	"context"
	"crypto"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

// Options are the hands that a client works with. The zero value is a client that keeps its session
// in memory.
type Options struct {
	// HTTP sends the requests; nil means one with http.DefaultTransport. Redirects are never
	// followed and cookies never kept, whatever its CheckRedirect and Jar say. The certificate of a
	// client that is known by one (RFC 8705) is in its transport's TLSClientConfig; one that tokens
	// are bound to goes into the base of Transport too.
	HTTP *http.Client
	// Store keeps the session and the attempts to sign in; nil means a new MemoryStore.
	Store Store
	// Locker makes clients that share a Store refresh one after the other; nil means the Store
	// where it is a Locker too, and otherwise one within this process for all clients of the same
	// Store.
	Locker Locker
	// Keys keeps the keys that sessions make for themselves (RFC 9449); nil means the Store where
	// it is a KeyStore too, and otherwise the memory of this process, for the clients of the same
	// Store while one of them is open. A session whose key is gone fails with the code no_key and
	// its user has to sign in again: with a Store of your own that outlives the process, set Keys
	// that do so too.
	Keys KeyStore
	// ClientKey signs in the name of the client: its assertions (private_key_jwt, RFC 7523 section
	// 2.2) and its authorization requests (RFC 9101). It may be a key of any make, in an HSM too:
	// *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey as its public part says what it can
	// sign, and the server knows it by that and Config.ClientKeyID.
	ClientKey crypto.Signer
	// Session is what Export gave. It is used instead of what the Store holds when the client is
	// opened; what is newer there wins when the client reads the Store next.
	Session string
	// OnEvent gets every event, in order and one at a time. It runs without any lock and may call
	// the client.
	OnEvent func(Event)
	// OnEffect gets a line for a log about every effect, in order with the events.
	OnEffect func(EffectInfo)
	// OnEffectDone gets each effect once it is answered, with its outcome; what is given up is
	// Failed aborted. Effects without an answer (events, results) do not come. Package oteloauth
	// makes spans and metrics of it.
	OnEffectDone func(EffectOutcome)
	// Hooks may change what is sent, and what is answered.
	Hooks Hooks
	// Now is the clock; nil means time.Now. It must not call the client.
	Now func() time.Time
	// Rand is the source of random bytes; nil means crypto/rand, which also replaces a source that
	// fails.
	Rand io.Reader

	hands   map[string]door.Hand // by kind of effect
	trouble func(error)          // gets what the HTTP client, a Store, a Locker or a KeyStore failed with
}

// Hooks change requests before they are sent, each by the stage that it stands under:
// StageAuthorization, StageToken, StageRefresh, StageDeviceAuthorization or StagePolling; and
// answers before anything of them is looked at, also of StageRevocation, StageUserinfo,
// StagePushedAuthorization, StageIntrospection and StageRegistration. A hook that fails ends the
// command; its error goes nowhere, since the engine knows kinds only. The context ends with the
// client.
type Hooks struct {
	// Parameters gets the parameters of a request before anything is stored or signed, and gives
	// those to be used.
	Parameters map[Stage]func(ctx context.Context, stage Stage, parameters [][2]string) ([][2]string, error)
	// Request gets a request as a whole, and gives the one to be sent. It may not change what was
	// signed.
	Request map[Stage]func(ctx context.Context, stage Stage, request Request) (Request, error)
	// Response gets an answer, and gives the one that the engine takes: all checks hold for that.
	Response map[Stage]func(ctx context.Context, stage Stage, response Response) (Response, error)
}

// Response is the answer of a server as a hook sees it.
type Response struct {
	Status  int
	Headers [][2]string // names in lower case; a repeated one stands there repeatedly
	Body    string      // as it came: no UTF-8, perhaps
}

// Request is an HTTP request of the engine's as a hook sees it.
type Request struct {
	Method  string
	URL     string
	Headers [][2]string // names in lower case; a repeated one stands there repeatedly
	Body    string
}

func (o Options) withDefaults() Options {
	if o.HTTP == nil {
		o.HTTP = &http.Client{}
	}
	if o.Store == nil {
		o.Store = &MemoryStore{}
	}
	if o.Locker == nil {
		o.Locker, _ = o.Store.(Locker)
	}
	if o.Keys == nil {
		o.Keys, _ = o.Store.(KeyStore)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// clientKey is the name of Options.ClientKey in the engine's configuration. Keys of sessions begin
// with the client's name and a dot.
const clientKey = "client_key"

// configured is a configuration with what follows from the options: the stages at which the engine
// asks for a hook, and the name of the client's key.
type configured struct {
	wireConfig
	ClientKey      string  `json:"client_key,omitempty"`
	ParameterHooks []Stage `json:"parameter_hooks,omitempty"`
	RequestHooks   []Stage `json:"request_hooks,omitempty"`
	ResponseHooks  []Stage `json:"response_hooks,omitempty"`
}

func (o Options) configure(c Config) configured {
	full := configured{wireConfig: c.wire(), ParameterHooks: slices.Sorted(maps.Keys(o.Hooks.Parameters)), RequestHooks: slices.Sorted(maps.Keys(o.Hooks.Request)),
		ResponseHooks: slices.Sorted(maps.Keys(o.Hooks.Response))}
	if o.ClientKey != nil {
		full.ClientKey = clientKey
	}
	return full
}
