//go:build !js

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var base64url = base64.RawURLEncoding

// An authority is an authorization server that asks nobody anything, and an API. Each sign-in is of
// a user of its own. Authorization codes and refresh tokens are good for once.
type authority struct {
	issuer string
	life   time.Duration
	signer jose.Signer
	keys   []byte

	users     atomic.Int64
	issued    atomic.Int64 // tokens for codes
	refreshes atomic.Int64
	codes     sync.Map // of grant
	refresh   sync.Map // of string, the user
	access    sync.Map // of time.Time, its end
}

type grant struct{ user, client, challenge, nonce string }

// thing is what the API answers: a KiB of JSON.
var thing, _ = json.Marshal(map[string]string{"thing": strings.Repeat("x", 1024-len(`{"thing":""}`))})

func newAuthority(life time.Duration) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	a := &authority{life: life}
	a.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		return nil, err
	}
	a.keys, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a.issuer = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, a.metadata()) })
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, json.RawMessage(a.keys)) })
	mux.HandleFunc("POST /token", a.token)
	mux.HandleFunc("/api/", a.api)
	go http.Serve(listener, mux)
	return a, nil
}

func (a *authority) metadata() any {
	return map[string]any{
		"issuer": a.issuer, "authorization_endpoint": a.issuer + "/authorize", "token_endpoint": a.issuer + "/token", "jwks_uri": a.issuer + "/jwks",
		"response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "authorization_response_iss_parameter_supported": true,
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"}, "grant_types_supported": []string{"authorization_code", "refresh_token"},
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

// authorize is the authorization endpoint, called by the browser that is this process: the URL that
// it sends a user back to.
func (a *authority) authorize(request string) (string, error) {
	u, err := url.Parse(request)
	if err != nil {
		return "", err
	}
	q := u.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || q.Get("code_challenge_method") != "S256" || !strings.HasPrefix(request, a.issuer+"/authorize?") {
		return "", errors.New("no authorization request: " + request)
	}
	code := rand.Text()
	a.codes.Store(code, grant{"user-" + strconv.FormatInt(a.users.Add(1), 10), q.Get("client_id"), q.Get("code_challenge"), q.Get("nonce")})
	answer := url.Values{"code": {code}, "iss": {a.issuer}}
	if state := q.Get("state"); state != "" {
		answer.Set("state", state)
	}
	back.RawQuery = answer.Encode()
	return back.String(), nil
}

// token is the token endpoint.
func (a *authority) token(w http.ResponseWriter, r *http.Request) {
	refuse := func(code string) { answer(w, http.StatusBadRequest, map[string]string{"error": code}) }
	if r.ParseForm() != nil {
		refuse("invalid_request")
		return
	}
	out := map[string]any{"token_type": "Bearer", "scope": "openid offline_access"}
	life := a.life
	var user string
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		v, ok := a.codes.LoadAndDelete(r.PostForm.Get("code"))
		g, _ := v.(grant)
		if digest := sha256.Sum256([]byte(r.PostForm.Get("code_verifier"))); !ok || base64url.EncodeToString(digest[:]) != g.challenge {
			refuse("invalid_grant")
			return
		}
		user = g.user
		// So that tokens do not all end at the same time: the parts of the golden ratio lie evenly.
		_, part := math.Modf(float64(a.issued.Add(1)) * math.Phi)
		life = time.Duration((0.02 + 0.98*part) * float64(life))
		id, err := a.idToken(g)
		if err != nil {
			refuse("server_error")
			return
		}
		out["id_token"] = id
	case "refresh_token":
		v, ok := a.refresh.LoadAndDelete(r.PostForm.Get("refresh_token"))
		if !ok {
			refuse("invalid_grant")
			return
		}
		user = v.(string)
		a.refreshes.Add(1)
	default:
		refuse("unsupported_grant_type")
		return
	}
	life = max(life.Truncate(time.Second), time.Second)
	refresh := rand.Text() + rand.Text()
	a.refresh.Store(refresh, user)
	out["access_token"], out["refresh_token"], out["expires_in"] = a.issue(life), refresh, int(life/time.Second)
	answer(w, 200, out)
}

// issue makes an access token.
func (a *authority) issue(life time.Duration) string {
	token := rand.Text() + rand.Text()
	a.access.Store(token, time.Now().Add(life))
	return token
}

func (a *authority) idToken(g grant) (string, error) {
	now := time.Now().Unix()
	claims := map[string]any{"iss": a.issuer, "sub": g.user, "aud": g.client, "iat": now, "exp": now + 3600, "sid": g.user}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := a.signer.Sign(raw)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// api answers whoever has an access token that is good.
func (a *authority) api(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if end, ok := a.access.Load(token); !ok || time.Now().After(end.(time.Time)) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(thing)))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("ETag", fmt.Sprintf(`"%x"`, len(r.URL.Path)))
	w.Write(thing)
}
