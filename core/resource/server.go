package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

const (
	// downMS is how long no request is sent to a server after its metadata could not be fetched.
	// Otherwise every check would try again.
	downMS = 2_000
	// maxAsking is how many tokens are introspected at once: invented tokens must not cause any
	// number of requests.
	maxAsking = 256
	// maxIdle is how many clients wait for the next check, if each check has its own client.
	maxIdle = 8
)

// A server is an authorization server: its documents, its answers about tokens, and for each JWT
// whose signature was verified the key that made it.
type server struct {
	config    *serverConfig
	session   *session
	client    *core.Client // of all checks; if each check has its own, this one is used only to compare issuers
	idle      []*core.Client
	documents documents
	answers   cache
	verified  cache
	asking    []*lookUp
	down      int64 // when its metadata could not be fetched, Unix ms; 0: it could
}

func newServer(s *session, cfg *serverConfig) *server {
	sv := &server{config: cfg, session: s}
	sv.client = sv.fresh()
	return sv
}

// fresh returns a client that has the documents of the last one.
func (sv *server) fresh() *core.Client {
	return core.NewClient(sv.session.link, sv.config.client, sv.session.config.name, &sv.documents)
}

// of reports whether iss is the server's issuer for a tenant.
func (sv *server) of(tenant, iss string) bool { return sv.client.Server().TenantIssuer(tenant) == iss }

// at gives the check the server and a client. If checks must not wait for each other, no other
// check uses that client at the same time.
func (k *check) at(sv *server) {
	k.server, k.client, k.version = sv, sv.client, sv.documents.version
	if !k.config.alone {
		return
	}
	if n := len(sv.idle) - 1; n >= 0 {
		k.client, sv.idle = sv.idle[n], sv.idle[:n]
		return
	}
	k.client = sv.fresh()
}

// leave ends the check's use of the server. Older keys are fetched again afterwards, so that a
// withdrawn key is not accepted for ever, and no check waits for that.
func (k *check) leave() {
	sv := k.server
	busy := k.client.Server().RenewKeys(k.config.keysMS)
	switch {
	case !k.config.alone || busy:
	case k.version != sv.documents.version:
		sv.idle = nil // the others do not have these documents
	case len(sv.idle) < maxIdle:
		sv.idle = append(sv.idle, k.client)
	}
}

// documents are the server's metadata and keys as text, which one client passes to the next.
type documents struct {
	text    string
	version int
}

// Load implements store.Storage.
func (d *documents) Load(key string, done func(value, version, failed string)) {
	if len(key) > 9 && key[len(key)-9:] == ".metadata" {
		done(d.text, "", "")
		return
	}
	done("", "", "")
}

// Put implements store.Storage.
func (d *documents) Put(_, _, value string, done func(version, failed string)) {
	d.text = value
	d.version++
	done("", "")
}

// ready continues once the server's endpoints are known.
func (k *check) ready(then func()) {
	sv, now := k.server, k.link.Now
	if sv.down != 0 && now >= sv.down && now < sv.down+downMS {
		k.unavailable(link.NetworkFault("network"))
		return
	}
	k.client.Server().Discovered(func(f *link.Fault) {
		if sv.down = 0; f != nil {
			sv.down = k.link.Now
			k.unavailable(f)
			return
		}
		then()
	})
}

// verify continues if the signature matches one of the server's keys. A signature that was verified
// with the key that the server publishes for it now is not verified again: the same token and the
// same key have the same result. So a withdrawn or replaced key ends that at once.
func (k *check) verify(j *jose.JWS) {
	sv, key := k.server, k.digest()
	if jwk := k.client.Server().KeyOf(j); jwk != "" && sv.verified.get(key, k.link.Now) == jwk {
		k.bind()
		return
	}
	k.client.Server().Verify(j, func(f *link.Fault) {
		switch {
		case f == nil:
			sv.verified.put(key, j.Key, k.link.Now, lives(j.Claims, k.link.Now))
			k.bind()
		case f.Kind == link.KindIDToken:
			k.refuseToken(f)
		default:
			k.unavailable(f)
		}
	})
}

// A lookUp is an introspection under way, for all checks of the same token.
type lookUp struct {
	key     string
	waiting []func(json.Value, *link.Fault)
}

// lookUp has the token introspected (RFC 7662), unless the answer is cached.
func (k *check) lookUp() {
	sv, key := k.server, k.digest()
	if v, ok := json.Parse(sv.answers.get(key, k.link.Now)); ok {
		k.looked(v, nil)
		return
	}
	for _, l := range sv.asking {
		if l.key == key && !k.config.alone {
			l.waiting = append(l.waiting, k.looked)
			return
		}
	}
	if len(sv.asking) >= maxAsking {
		k.unavailable(because("too_many_lookups", ""))
		return
	}
	l := &lookUp{key, []func(json.Value, *link.Fault){k.looked}}
	sv.asking = append(sv.asking, l)
	w := json.NewWriter()
	w.MemberStr("token", k.token)
	w.MemberStr("token_type_hint", "access_token")
	k.client.Do("introspect", w.String(), func(ok json.Value, f *link.Fault) { sv.answered(l, ok.Get("claims"), f) })
}

// answered gives the server's answer to all who wait for it, and caches it.
func (sv *server) answered(l *lookUp, v json.Value, f *link.Fault) {
	for i, other := range sv.asking {
		if other == l {
			sv.asking = append(sv.asking[:i:i], sv.asking[i+1:]...)
			break
		}
	}
	if f == nil {
		now := sv.session.link.Now
		until := now + inactiveMS
		if v.Get("active").True() {
			until = lives(v, now)
		}
		sv.answers.put(l.key, string([]byte(v.Raw())), now, until)
	}
	for _, done := range l.waiting {
		done(v, f)
	}
}

// looked checks the server's answer about a token.
func (k *check) looked(v json.Value, f *link.Fault) {
	switch {
	case f != nil:
		k.unavailable(f)
		return
	case !v.Get("active").True():
		k.refuseToken(because("inactive", ""))
		return
	}
	// If the endpoint is configured, the metadata may be unknown; the issuer is the server that was
	// asked.
	issuer := k.server.config.issuer
	if iss := v.Get("iss").Str(); k.client.Server().TenantIssuer(v.Get("tid").Str()) == iss {
		issuer = iss
	}
	if f := k.judge(v, issuer, false); f != nil {
		k.refuseToken(f)
		return
	}
	k.claims = v
	k.bind()
}
