package bff

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// An issuer is the authorization server behind a scene. Its signatures are the text "good": core's
// own tests cover verification.
type issuer struct {
	s       *scene
	n       int
	nonce   string
	sid     string
	life    int
	padding string // of access tokens
	scope   string // in answers; "": they have no scope
	error   string // that the token endpoint answers with
	client  string // aud of ID tokens
	down    bool
}

func (s *scene) issuer() *issuer {
	i := &issuer{s: s, sid: "sid-1", life: 3600, client: "s6BhdRkqt3"}
	s.server = i.serve
	s.upstream = func(m msg) answer {
		return answer{status: 200, headers: `[["content-type","text/plain"]]`, body: "hello"}
	}
	return i
}

func jwt(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"ES256","kid":"1"}`)) + "." + enc([]byte(claims)) + ".Z29vZA"
}

func (i *issuer) serve(m msg) answer {
	if i.down {
		return answer{failed: "unsent"}
	}
	switch u := m.Str("url"); {
	case strings.HasSuffix(u, "/jwks"):
		return jsonAnswer(200, `{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`)
	case strings.HasSuffix(u, "/revoke"):
		return answer{status: 200}
	case i.error != "":
		return jsonAnswer(400, `{"error":`+quote(i.error)+`}`)
	}
	i.n++
	id := ""
	if m.Form().Get("grant_type") == "authorization_code" {
		id = `,"id_token":` + quote(jwt(fmt.Sprintf(`{"iss":"https://as.example","sub":"jane","aud":%q,"exp":%d,"iat":%d,"nonce":%q,"sid":%q}`, i.client, i.s.now/1000+300, i.s.now/1000, i.nonce, i.sid)))
	}
	issued := ""
	if strings.HasSuffix(m.Form().Get("grant_type"), "token-exchange") {
		issued = `,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"`
	}
	if i.scope != "" {
		issued += `,"scope":` + quote(i.scope)
	}
	return jsonAnswer(200, fmt.Sprintf(`{"access_token":"access-token-%d%s","token_type":"Bearer","expires_in":%d,"refresh_token":"refresh-token-%d"%s%s}`, i.n, i.padding, i.life, i.n, id, issued))
}

// login begins a sign-in and returns the authorization URL's parameters.
func (i *issuer) login(query string) url.Values {
	i.s.t.Helper()
	m := i.s.visit("GET", "https://app.example/auth/login"+query)
	u, err := url.Parse(m.Header("location"))
	if err != nil || m.Str("status") != "303" || u.Host != "as.example" {
		i.s.t.Fatal(m.Raw)
	}
	i.nonce = u.Query().Get("nonce")
	return u.Query()
}

func callback(q url.Values) string {
	return "https://app.example/auth/callback?code=SplxlOBeZQQYbYS6WxSbIA&state=" + url.QueryEscape(q.Get("state"))
}

// signIn does a whole sign-in.
func (i *issuer) signIn() {
	i.s.t.Helper()
	m := i.s.visit("GET", callback(i.login("")))
	if m.Str("status") != "303" || m.Header("location") != "https://app.example/" {
		i.s.t.Fatal(m.Raw)
	}
}
