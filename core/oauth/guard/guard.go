package guard

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	corejson "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/headers"
)

var base64url = base64.RawURLEncoding

// Guard checks the access tokens of requests. It is safe for concurrent use.
type Guard struct {
	session      door.Session
	opts         Options
	header       string // certificate_header, as http.Header has it
	certificates bool
	path         string // of the metadata document
	document     []byte
}

// New makes a Guard from an engine that has the kind "resource". It sends no request yet. If the
// engine refuses the configuration, the error is an *oauth.Error of kind client that names the
// member.
func New(engine oauth.Engine, config Config, opts Options) (*Guard, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Store == nil {
		opts.Store = &replays{now: opts.Now}
	}
	if opts.Certificate == nil {
		opts.Certificate = connected
	}
	wire, err := json.Marshal(config.wire(opts.ClientKey != nil))
	if err != nil {
		return nil, fmt.Errorf("oauth2: guard: configuration: %w", err)
	}
	g := &Guard{opts: opts, header: http.CanonicalHeaderKey(config.CertificateHeader), certificates: config.Certificates}
	g.session, err = door.Open(engine, "resource", json.RawMessage(wire), oauth.Options{HTTP: opts.HTTP, Store: opts.Store, ClientKey: opts.ClientKey, Now: opts.Now, Rand: opts.Rand},
		door.Setting{Trouble: opts.OnError})
	if err != nil {
		return nil, err
	}
	var about struct {
		URL      string          `json:"url"`
		Metadata json.RawMessage `json:"metadata"`
	}
	if err := g.session.Do(context.Background(), "metadata", nil, &about); err != nil {
		g.Close()
		return nil, err
	}
	u, err := url.Parse(about.URL)
	if err != nil {
		g.Close()
		return nil, fmt.Errorf("oauth2: guard: %w", err)
	}
	g.path, g.document = u.Path, bytes.Clone(about.Metadata)
	return g, nil
}

// Close ends the Guard: checks that are under way fail.
func (g *Guard) Close() { g.session.Close() }

// connected returns the certificate of the request's connection.
func connected(r *http.Request) []byte {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0].Raw
}

// MetadataPath is where the document of Metadata belongs, on the origin of Config.Resource (RFC
// 9728 section 3.1).
func (g *Guard) MetadataPath() string { return g.path }

// Metadata serves the resource's metadata (RFC 9728 section 3.2), to pages of any origin.
func (g *Guard) Metadata() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		header.Set("Content-Type", "application/json")
		header.Set("Cache-Control", "max-age=3600")
		header.Set("Access-Control-Allow-Origin", "*")
		w.Write(g.document)
	})
}

type tokenKey struct{}

// FromContext gives the token of a request that Handler let in; otherwise nil.
func FromContext(ctx context.Context) *Token {
	t, _ := ctx.Value(tokenKey{}).(*Token)
	return t
}

// Handler passes requests whose token satisfies need to next, with the Token in their context, and
// refuses others.
func (g *Guard) Handler(need Need, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := g.Check(r, need)
		if err != nil { // the request has ended, or the engine was lost
			v = &Verdict{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"5"}, "Cache-Control": {"no-store"}}, Reason: Reason{Code: "internal"}}
		}
		if v.Token == nil {
			v.ServeHTTP(w, r)
			return
		}
		for name, values := range v.Header {
			w.Header()[name] = values
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, v.Token)))
	})
}

// command returns the parameters of the command check.
func (g *Guard) command(r *http.Request, need Need) door.Object {
	w := corejson.NewWriter()
	w.Grow(roomOf(r.Header["Authorization"]) + roomOf(r.Header["Dpop"]) + len(r.RequestURI) + 256)
	w.Open('{')
	w.MemberStr("method", headers.Text(r.Method))
	w.MemberStr("url", headers.Text(asked(r)))
	w.Key("headers")
	w.Open('[')
	for _, name := range [...]string{"Authorization", "Dpop", g.header} {
		for _, value := range r.Header[name] {
			headers.Write(w, strings.ToLower(name), value)
		}
	}
	w.Close(']')
	if g.certificates {
		w.MemberStrIf("certificate", base64.StdEncoding.EncodeToString(g.opts.Certificate(r)))
	}
	if g.header != "" {
		peer := r.RemoteAddr
		if host, _, err := net.SplitHostPort(peer); err == nil {
			peer = host
		}
		w.MemberStrIf("peer", headers.Text(peer))
	}
	w.MemberStrIf("scope", headers.Text(need.Scope))
	w.MemberStrIf("acr_values", headers.Text(need.ACRValues))
	if age := need.seconds(); age != nil {
		w.MemberInt("max_age", *age)
	}
	w.Close('}')
	return w.Bytes()
}

func roomOf(values []string) (n int) {
	for _, v := range values {
		n += len(v)
	}
	return n
}

// Check says whether the request is let in. A refusal is not an error. An error means that the
// engine was lost, need is invalid, or the request's context is done.
func (g *Guard) Check(r *http.Request, need Need) (*Verdict, error) {
	var result string
	if err := g.session.Do(r.Context(), "check", g.command(r, need), &result); err != nil {
		if tooLarge(err) {
			return g.refused(r, &Verdict{Status: http.StatusRequestHeaderFieldsTooLarge, Header: http.Header{}, Reason: Reason{Code: "too_large"}}), nil
		}
		return nil, err
	}
	v, err := verdictOf(result)
	if err != nil {
		return nil, err
	}
	return g.refused(r, v), nil
}

func (g *Guard) refused(r *http.Request, v *Verdict) *Verdict {
	if v.Token == nil && g.opts.OnRefused != nil {
		g.opts.OnRefused(r, v.Reason)
	}
	return v
}

// asked is the URL that the client asked for. A handler in front may have removed a part of r.URL.
func asked(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
