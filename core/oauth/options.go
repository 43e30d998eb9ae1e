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

// Options are what a client works with: store, locks, keys, HTTP client, clock. With the zero value
// a client keeps its session in memory.
type Options struct {
	// HTTP sends the requests; nil means one with http.DefaultTransport. Redirects are never
	// followed and cookies never kept, whatever its CheckRedirect and Jar say. For a client with a
	// certificate (RFC 8705), put it into the transport's TLSClientConfig. If tokens are bound to
	// the certificate, put it into the base of Client.Transport, too. With Config.PrivateOrigins
	// the transport is an *http.Transport, or itself refuses names that resolve to private
	// addresses; a proxy does that.
	HTTP *http.Client
	// Store keeps the session and the attempts to sign in; nil means a new MemoryStore.
	Store Store
	// Locker makes clients that share a Store refresh one after the other. Nil means the Store if
	// it is also a Locker, and otherwise one in this process for all clients of the Store.
	Locker Locker
	// Keys keeps the keys that sessions create (RFC 9449). Nil means the Store if it is also a
	// KeyStore, and otherwise the memory of this process, as long as a client of the Store is open.
	// If a session's key is lost, it fails with the code no_key and its user has to sign in again.
	// So if your own Store outlives the process, set Keys that does, too.
	Keys KeyStore
	// ClientKey signs for the client: its assertions (private_key_jwt, RFC 7523 section 2.2) and
	// its authorization requests (RFC 9101). It may be any crypto.Signer, also one in an HSM, whose
	// public key is an *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey. The server has to
	// know that public key, under Config.ClientKeyID.
	ClientKey crypto.Signer
	// Session is a text from Export. The client begins with it instead of the stored session. If
	// the Store has a newer one, the client takes that when it next reads the Store.
	Session string
	// OnEvent gets every event, in order and one at a time. It runs without any lock and may call
	// the client.
	OnEvent func(Event)
	// OnEffect gets log entries about every effect, in order with the events: one when the effect
	// is asked for, and one when it is answered, if the engine waits for that.
	OnEffect func(EffectInfo)
	// Hooks may change requests and answers.
	Hooks Hooks
	// Now is the clock; nil means time.Now. It must not call the client.
	Now func() time.Time
	// Rand is the source of random bytes; nil means crypto/rand, which also replaces a source that
	// fails.
	Rand io.Reader

	hands   map[string]door.Hand // by kind of effect
	quick   map[string]door.Hand // likewise; they never wait
	trouble func(error)          // gets errors of the HTTP client, a Store, a Locker or a KeyStore
}

// Hooks change requests before they are sent, and answers before they are read. Each hook is for
// one stage. Requests: StageAuthorization, StageToken, StageRefresh, StageDeviceAuthorization and
// StagePolling. Answers: these but StageAuthorization, and StageRevocation, StageUserinfo,
// StagePushedAuthorization, StageIntrospection and StageRegistration. If a hook fails, the command
// fails. The context ends when the client is closed.
type Hooks struct {
	// Parameters gets the parameters of a request before anything is stored or signed, and returns
	// those to use.
	Parameters map[Stage]func(ctx context.Context, stage Stage, parameters [][2]string) ([][2]string, error)
	// Request gets a whole request and returns the one to send. It must not change what is signed.
	Request map[Stage]func(ctx context.Context, stage Stage, request Request) (Request, error)
	// Response gets an answer and returns the one that the engine reads. The engine checks that one
	// as usual.
	Response map[Stage]func(ctx context.Context, stage Stage, response Response) (Response, error)
}

// Response is the answer of a server as a hook sees it.
type Response struct {
	Status  int
	Headers [][2]string // names are in lower case; a header may occur more than once
	Body    string      // as it came; it may not be UTF-8
}

// Request is an HTTP request of the engine's as a hook sees it.
type Request struct {
	Method  string
	URL     string
	Headers [][2]string // names are in lower case; a header may occur more than once
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

// clientKey is the name of Options.ClientKey in the engine's configuration. It cannot collide with
// keys of sessions: their names begin with the client's name and a dot.
const clientKey = "client_key"

// configured is a configuration with the members that follow from the options: the stages at which
// the engine asks for a hook, and the name of the client's key.
type configured struct {
	wireConfig
	ClientKey        string    `json:"client_key,omitempty"`
	IdentityProvider *provider `json:"identity_provider,omitempty"`
	ParameterHooks   []Stage   `json:"parameter_hooks,omitempty"`
	RequestHooks     []Stage   `json:"request_hooks,omitempty"`
	ResponseHooks    []Stage   `json:"response_hooks,omitempty"`
}

func (o Options) configure(c Config) configured {
	full := configured{wireConfig: c.wire(), ParameterHooks: slices.Sorted(maps.Keys(o.Hooks.Parameters)), RequestHooks: slices.Sorted(maps.Keys(o.Hooks.Request)),
		ResponseHooks: slices.Sorted(maps.Keys(o.Hooks.Response))}
	if o.ClientKey != nil {
		full.ClientKey = clientKey
	}
	if c.IdentityProvider != nil {
		full.IdentityProvider = &provider{c.IdentityProvider.wire(), full.ClientKey}
	}
	return full
}

// provider is Config.IdentityProvider, for which the client has the same key.
type provider struct {
	wireConfig
	ClientKey string `json:"client_key,omitempty"`
}
