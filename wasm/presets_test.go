package wasm_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

const (
	bearerToken = `{"access_token":"access-1","token_type":"bearer","expires_in":3600}`
	idToken     = `{"access_token":"access-1","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-1","id_token":"ID-TOKEN"}`
)

// H7, H1, H5: sign-in with each preset, with its provider's answers, and who the provider says has
// signed in. If the provider does not say in its way that an e-mail address is verified, it is not
// verified here.
func TestPresetsSignIn(t *testing.T) {
	const (
		google      = "https://accounts.google.com"
		gitHubToken = "https://github.com/login/oauth/access_token"
		gitHubUser  = "GET https://api.github.com/user"
		gitHubList  = "GET https://api.github.com/user/emails"
	)
	for _, c := range []struct {
		row, preset, issuer string
		variables           map[string]string
		token, body, ctype  string // the token endpoint and its answer
		keys                string // URL of the keys for its ID tokens
		iss                 string // issuer of its ID tokens
		basic, endless      bool
		profile             map[string]answer
		want                oauth.Profile
		wantKind            oauth.ErrorKind // the kind of Profile's error; server if it is empty
		wantCode            string
	}{
		{row: "discord", token: "https://discord.com/api/oauth2/token", body: bearerToken, basic: true,
			profile: map[string]answer{"GET https://discord.com/api/v10/users/@me": {body: `{"id":"80351110224678912","email":"u@d.example","verified":true}`}},
			want:    oauth.Profile{Issuer: "https://discord.com", ID: "80351110224678912", Email: "u@d.example", EmailVerified: true}},
		{row: "discord unverified", token: "https://discord.com/api/oauth2/token", body: bearerToken, basic: true,
			profile: map[string]answer{"GET https://discord.com/api/v10/users/@me": {body: `{"id":"8","email":"u@d.example","verified":false,"email_verified":true}`}},
			want:    oauth.Profile{Issuer: "https://discord.com", ID: "8", Email: "u@d.example"}},
		{row: "discord without leave to see the e-mail", token: "https://discord.com/api/oauth2/token", body: bearerToken, basic: true,
			profile: map[string]answer{"GET https://discord.com/api/v10/users/@me": {body: `{"id":"8","email":null,"verified":true}`}},
			want:    oauth.Profile{Issuer: "https://discord.com", ID: "8"}},
		{row: "facebook never verifies", token: "https://graph.facebook.com/v26.0/oauth/access_token", body: bearerToken,
			profile: map[string]answer{"GET https://graph.facebook.com/v26.0/me?fields=id,email": {body: `{"id":"1021","email":"u@f.example"}`}},
			want:    oauth.Profile{Issuer: "https://www.facebook.com", ID: "1021", Email: "u@f.example"}},
		{row: "facebook with an older version", variables: map[string]string{"version": "v25.0"},
			token: "https://graph.facebook.com/v25.0/oauth/access_token", body: bearerToken,
			profile: map[string]answer{"GET https://graph.facebook.com/v25.0/me?fields=id,email": {body: `{"id":"1021"}`}},
			want:    oauth.Profile{Issuer: "https://www.facebook.com", ID: "1021"}},
		{row: "franceconnect answers with a JWT", issuer: "https://oidc.franceconnect.gouv.fr/api/v2",
			keys: "https://oidc.franceconnect.gouv.fr/api/v2/jwks", iss: "https://oidc.franceconnect.gouv.fr/api/v2",
			token: "https://oidc.franceconnect.gouv.fr/api/v2/token", body: idToken,
			profile: map[string]answer{"GET https://oidc.franceconnect.gouv.fr/api/v2/userinfo": {contentType: "application/jwt", body: "ID-TOKEN"}},
			want:    oauth.Profile{Issuer: "https://oidc.franceconnect.gouv.fr/api/v2", ID: "b6048e95bb134ec5"}},
		{row: "franceconnect answers with a JWT whose signature is wrong", issuer: "https://oidc.franceconnect.gouv.fr/api/v2",
			keys: "https://oidc.franceconnect.gouv.fr/api/v2/jwks", iss: "https://oidc.franceconnect.gouv.fr/api/v2",
			token: "https://oidc.franceconnect.gouv.fr/api/v2/token", body: idToken,
			profile:  map[string]answer{"GET https://oidc.franceconnect.gouv.fr/api/v2/userinfo": {contentType: "application/jwt", body: "ID-TOKENAAAA"}},
			wantKind: "id_token_not_verified", wantCode: "bad_signature"},
		{row: "github with a private e-mail and form-encoded answers", token: gitHubToken, ctype: formEncoded,
			body: "access_token=access-1&scope=read%3Auser%2Cuser%3Aemail&token_type=bearer", endless: true,
			profile: map[string]answer{
				gitHubUser: {body: `{"login":"octocat","id":9007199254740993,"email":null}`},
				gitHubList: {body: `[{"email":"old@g.example","primary":false,"verified":true},{"email":"u@g.example","primary":true,"verified":true}]`}},
			want: oauth.Profile{Issuer: "https://github.com/login/oauth", ID: "9007199254740993", Email: "u@g.example", EmailVerified: true}},
		{row: "github with a public e-mail that is not verified", token: gitHubToken, body: `{"access_token":"access-1","token_type":"bearer"}`, endless: true,
			profile: map[string]answer{
				gitHubUser: {body: `{"id":1,"email":"u@g.example"}`},
				gitHubList: {body: `[{"email":"other@g.example","primary":true,"verified":true},{"email":"u@g.example","primary":false,"verified":false}]`}},
			want: oauth.Profile{Issuer: "https://github.com/login/oauth", ID: "1", Email: "u@g.example"}},
		{row: "github without leave to see the list", token: gitHubToken, body: `{"access_token":"access-1","token_type":"bearer"}`, endless: true,
			profile: map[string]answer{gitHubUser: {body: `{"id":1,"email":"u@g.example"}`}, gitHubList: {status: 404, body: `{"message":"Not Found"}`}},
			want:    oauth.Profile{Issuer: "https://github.com/login/oauth", ID: "1", Email: "u@g.example"}},
		{row: "google", issuer: google, keys: "https://www.googleapis.com/oauth2/v3/certs", iss: "https://accounts.google.com",
			token: "https://oauth2.googleapis.com/token", body: idToken,
			profile: map[string]answer{"GET https://openidconnect.googleapis.com/v1/userinfo": {body: `{"sub":"110169","email":"u@gmail.example","email_verified":true}`}},
			want:    oauth.Profile{Issuer: google, ID: "110169", Email: "u@gmail.example", EmailVerified: true}},
		{row: "google unverified", issuer: google, keys: "https://www.googleapis.com/oauth2/v3/certs", iss: "https://accounts.google.com",
			token: "https://oauth2.googleapis.com/token", body: idToken,
			profile: map[string]answer{"GET https://openidconnect.googleapis.com/v1/userinfo": {body: `{"sub":"110169","email":"u@g.example","email_verified":false}`}},
			want:    oauth.Profile{Issuer: google, ID: "110169", Email: "u@g.example"}},
		{row: "kakao with a number for an id, and an address that another account took over", token: "https://kauth.kakao.com/oauth/token", body: bearerToken,
			profile: map[string]answer{"GET https://kapi.kakao.com/v2/user/me": {
				body: `{"id":123456789,"kakao_account":{"is_email_valid":false,"is_email_verified":true,"email":"u@k.example"}}`}},
			want: oauth.Profile{Issuer: "https://kauth.kakao.com", ID: "123456789", Email: "u@k.example"}},
		{row: "kakao with an address that is valid and verified", token: "https://kauth.kakao.com/oauth/token", body: bearerToken,
			profile: map[string]answer{"GET https://kapi.kakao.com/v2/user/me": {
				body: `{"id":1,"kakao_account":{"is_email_valid":true,"is_email_verified":true,"email":"u@k.example"}}`}},
			want: oauth.Profile{Issuer: "https://kauth.kakao.com", ID: "1", Email: "u@k.example", EmailVerified: true}},
		{row: "linkedin without token_type, and truth as a text", keys: "https://www.linkedin.com/oauth/openid/jwks", iss: "https://www.linkedin.com/oauth",
			token:   "https://www.linkedin.com/oauth/v2/accessToken",
			body:    `{"access_token":"access-1","expires_in":5184000,"scope":"email,openid,profile","id_token":"ID-TOKEN"}`,
			profile: map[string]answer{"GET https://api.linkedin.com/v2/userinfo": {body: `{"sub":"782bbtaQ","email":"u@l.example","email_verified":"true"}`}},
			want:    oauth.Profile{Issuer: "https://www.linkedin.com/oauth", ID: "782bbtaQ", Email: "u@l.example", EmailVerified: true}},
		{row: "microsoft with a tenant, which verifies nothing", variables: map[string]string{"tenant": "9188040d-6c67-4c5b-b112-36a304b66dad"},
			keys: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/discovery/v2.0/keys", iss: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
			token: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/oauth2/v2.0/token", body: idToken,
			profile: map[string]answer{"GET https://graph.microsoft.com/oidc/userinfo": {body: `{"sub":"OLu859SG","email":"ceo@contoso.example"}`}},
			want:    oauth.Profile{Issuer: "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", ID: "OLu859SG", Email: "ceo@contoso.example"}},
		{row: "naver with its profile one level down and a text for a lifetime", token: "https://nid.naver.com/oauth2.0/token",
			body: `{"access_token":"access-1","refresh_token":"refresh-1","token_type":"bearer","expires_in":"3600"}`,
			profile: map[string]answer{"GET https://openapi.naver.com/v1/nid/me": {
				body: `{"resultcode":"00","message":"success","response":{"id":"32742776","email":"u@n.example"}}`}},
			want: oauth.Profile{Issuer: "https://nid.naver.com", ID: "32742776", Email: "u@n.example"}},
		{row: "okta", keys: "https://dev-1.okta.com/oauth2/v1/keys", iss: "https://dev-1.okta.com",
			token: "https://dev-1.okta.com/oauth2/v1/token", body: idToken, basic: true, issuer: "https://dev-1.okta.com",
			profile: map[string]answer{"GET https://dev-1.okta.com/oauth2/v1/userinfo": {body: `{"sub":"00uid4","email":"u@o.example","email_verified":true}`}},
			want:    oauth.Profile{Issuer: "https://dev-1.okta.com", ID: "00uid4", Email: "u@o.example", EmailVerified: true}},
		{row: "openid", keys: "https://op.example/jwks", iss: "https://op.example",
			token: "https://op.example/token", body: idToken, basic: true,
			profile: map[string]answer{"GET https://op.example/me": {body: `{"sub":"248289761001","email":"u@op.example"}`}},
			want:    oauth.Profile{Issuer: "https://op.example", ID: "248289761001", Email: "u@op.example"}},
		{row: "reddit without e-mail", token: "https://www.reddit.com/api/v1/access_token", body: bearerToken, basic: true,
			profile: map[string]answer{"GET https://oauth.reddit.com/api/v1/me": {body: `{"id":"5a1b","name":"u","has_verified_email":true}`}},
			want:    oauth.Profile{Issuer: "https://www.reddit.com", ID: "5a1b"}},
		{row: "shopify with a header of its own and neither type nor end", token: "https://my-shop.myshopify.com/admin/oauth/access_token",
			body: `{"access_token":"access-1","scope":"read_orders,write_products"}`, endless: true,
			profile: map[string]answer{"GET https://my-shop.myshopify.com/admin/api/2026-10/shop.json": {body: `{"shop":{"id":690933842,"email":"owner@s.example","name":"S"}}`}},
			want:    oauth.Profile{Issuer: "https://my-shop.myshopify.com", ID: "690933842", Email: "owner@s.example"}},
		// E57
		{row: "slack with the user's token one level down, of a type of its own", token: "https://slack.com/api/oauth.v2.access", basic: true, endless: true,
			body:    `{"ok":true,"access_token":"xoxb","token_type":"bot","authed_user":{"id":"U1234","scope":"users:read","access_token":"access-1","token_type":"user"}}`,
			profile: map[string]answer{"GET https://slack.com/api/auth.test": {body: `{"ok":true,"team_id":"T1","user_id":"U1234"}`}},
			want:    oauth.Profile{Issuer: "https://slack.com", ID: "U1234"}},
	} {
		t.Run(c.row, func(t *testing.T) {
			answers := map[string][]answer{"POST " + c.token: {{contentType: c.ctype, body: c.body}}}
			for key, a := range c.profile {
				answers[key] = []answer{a}
			}
			if c.keys != "" {
				answers["GET "+c.keys] = []answer{{body: "KEY-SET"}}
			}
			i := imitate(t, answers)
			i.claims["iss"], i.claims["sub"] = c.iss, cmp.Or(c.want.ID, "someone")
			name, _, _ := strings.Cut(c.row, " ")
			if name == "microsoft" {
				i.claims["tid"] = strings.Split(c.iss, "/")[3]
			}
			config := preset(t, name, c.variables)
			client := openPreset(t, config, i)
			status, err := i.signInWith(t, client, config, c.issuer)
			if err != nil || status.TokenType != "Bearer" || status.ExpiresAt.IsZero() != c.endless {
				t.Fatalf("%v, %+v", err, status)
			}
			var claims struct{ Iss, Sub string }
			if c.keys != "" && (json.Unmarshal(status.Claims, &claims) != nil || claims.Iss != c.iss || claims.Sub != i.claims["sub"]) {
				t.Errorf("claims %s", status.Claims)
			}
			sent := i.requests(c.token)
			if len(sent) != 1 || sent[0].PostForm.Get("code") != "code-1" || sent[0].PostForm.Has("code_verifier") == (name == "linkedin") {
				t.Fatalf("%d token requests, %v", len(sent), sent[0].PostForm)
			}
			checkClient(t, sent[0], c.basic)

			got, err := client.Profile(t.Context())
			if c.wantCode != "" {
				if !errors.Is(err, &oauth.Error{Kind: cmp.Or(c.wantKind, oauth.KindServer), Code: c.wantCode}) {
					t.Errorf("%v", err)
				}
			} else if err != nil || got != c.want {
				t.Errorf("%v, %+v", err, got)
			}
			for key := range c.profile {
				address, _, _ := strings.Cut(strings.TrimPrefix(key, "GET "), "?")
				for _, r := range i.requests(address) {
					header, value := "Authorization", "Bearer access-1"
					if name == "shopify" {
						header, value = "X-Shopify-Access-Token", "access-1"
					}
					if r.Header.Get(header) != value || name == "shopify" && r.Header.Get("Authorization") != "" {
						t.Errorf("the token went as %v", r.Header)
					}
				}
			}
		})
	}
}

// H7, Q22: if a provider names itself in its responses, one with another issuer is refused. If it
// always does, one without an issuer is refused, too.
func TestPresetsIssuer(t *testing.T) {
	for _, c := range []struct{ name, issuer, code string }{
		{"franceconnect", "", "missing_iss"},
		{"franceconnect", "https://fcp-low.sbx.dev-franceconnect.fr/api/v2", "wrong_iss"},
		{"google", "https://accounts.google.com.example", "wrong_iss"},
		{"github", "https://github.com", "wrong_iss"},
	} {
		config := preset(t, c.name, nil)
		i := imitate(t, nil)
		client := openPreset(t, config, i)
		if _, err := i.signInWith(t, client, config, c.issuer); !errors.Is(err, &oauth.Error{Kind: "callback_not_verified", Code: c.code}) {
			t.Errorf("%s, %q: %v", c.name, c.issuer, err)
		}
	}
}

// H5, H7: an error counts as an error whatever the HTTP status, and nobody is signed in.
func TestPresetsErrorWithStatus200(t *testing.T) {
	for _, c := range []struct {
		row, token string
		answer     answer
		want       string
	}{
		{"github", "https://github.com/login/oauth/access_token",
			answer{body: `{"error":"bad_verification_code","error_description":"The code passed is incorrect or expired."}`}, "bad_verification_code"},
		{"github form-encoded", "https://github.com/login/oauth/access_token",
			answer{contentType: formEncoded, body: "error=bad_verification_code&error_description=The+code+passed+is+incorrect+or+expired."}, "bad_verification_code"},
		{"naver", "https://nid.naver.com/oauth2.0/token", answer{body: `{"error":"invalid_request","error_description":"no valid data in session"}`}, "invalid_request"},
		{"reddit", "https://www.reddit.com/api/v1/access_token", answer{body: `{"error":"invalid_grant"}`}, "invalid_grant"},
		{"slack", "https://slack.com/api/oauth.v2.access", answer{body: `{"ok":false,"error":"invalid_code"}`}, "invalid_code"},
	} {
		t.Run(c.row, func(t *testing.T) {
			name, _, _ := strings.Cut(c.row, " ")
			config := preset(t, name, nil)
			i := imitate(t, map[string][]answer{"POST " + c.token: {c.answer}})
			client := openPreset(t, config, i)
			_, err := i.signInWith(t, client, config, "")
			var e *oauth.Error
			if !errors.As(err, &e) || e.Kind != "server" || e.Code != "oauth_error" || e.OAuthError != c.want || e.Status != 200 {
				t.Errorf("%v", err)
			}
			if status, err := client.Status(t.Context()); err != nil || status.Status != "not_authenticated" {
				t.Errorf("%v, %+v", err, status)
			}
		})
	}
}

// H7, Q37, Q38: the device flow of the providers that have one, each with its own way to say that
// the user has not decided yet.
func TestPresetsDeviceFlow(t *testing.T) {
	const pending = `{"error":"authorization_pending","error_description":"not yet"}`
	for _, c := range []struct {
		name, start, token string
		keys, iss          string
		device, page       string
		pending            answer
		basic              bool
	}{
		{name: "github", start: "https://github.com/login/device/code", token: "https://github.com/login/oauth/access_token",
			device:  `{"device_code":"device-1","user_code":"WDJB-MJHT","verification_uri":"https://github.com/login/device","expires_in":900,"interval":1}`,
			page:    "https://github.com/login/device",
			pending: answer{status: 200, body: pending}},
		{name: "google", keys: "https://www.googleapis.com/oauth2/v3/certs", iss: "https://accounts.google.com",
			start: "https://oauth2.googleapis.com/device/code", token: "https://oauth2.googleapis.com/token",
			device:  `{"device_code":"device-1","user_code":"WDJB-MJHT","verification_url":"https://www.google.com/device","expires_in":1800,"interval":1}`,
			page:    "https://www.google.com/device",
			pending: answer{status: 428, body: pending}},
		{name: "microsoft", keys: "https://login.microsoftonline.com/common/discovery/v2.0/keys", iss: "https://login.microsoftonline.com/9188040d/v2.0",
			start: "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode", token: "https://login.microsoftonline.com/common/oauth2/v2.0/token",
			device:  `{"device_code":"device-1","user_code":"WDJB-MJHT","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":1,"message":"…"}`,
			page:    "https://microsoft.com/devicelogin",
			pending: answer{status: 400, body: pending}},
		{name: "okta", keys: "https://dev-1.okta.com/oauth2/v1/keys", iss: "https://dev-1.okta.com",
			start: "https://dev-1.okta.com/oauth2/v1/device/authorize", token: "https://dev-1.okta.com/oauth2/v1/token",
			device:  `{"device_code":"device-1","user_code":"WDJB-MJHT","verification_uri":"https://dev-1.okta.com/activate","expires_in":600,"interval":1}`,
			page:    "https://dev-1.okta.com/activate",
			pending: answer{status: 400, body: pending}, basic: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each waits for two intervals
			i := imitate(t, map[string][]answer{"POST " + c.start: {{body: c.device}}, "POST " + c.token: {c.pending, {body: idToken}}, "GET " + c.keys: {{body: "KEY-SET"}}})
			i.claims = map[string]any{"iss": c.iss, "sub": "someone", "tid": "9188040d"}
			config := preset(t, c.name, nil)
			client := openPreset(t, config, i)
			begun, err := client.DeviceAuthorize(t.Context(), oauth.DeviceParams{})
			if err != nil || begun.VerificationURI != c.page || begun.UserCode != "WDJB-MJHT" || begun.Interval != time.Second {
				t.Fatalf("%v, %+v", err, begun)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if status, err := client.DeviceWait(ctx); err != nil || status.Status != "granted" || (len(status.Claims) == 0) != (c.keys == "") {
				t.Fatalf("after a minute at most: %v, %+v", err, status)
			}
			if first := i.requests(c.start)[0].PostForm; first.Get("scope") != config.Scope {
				t.Errorf("%v", first)
			}
			for _, r := range i.requests(c.token) {
				checkClient(t, r, c.basic)
				if r.PostForm.Get("device_code") != "device-1" {
					t.Errorf("%v", r.PostForm)
				}
			}
		})
	}
}

// H7: Facebook exchanges a token for a long-lived one, with its own grant type, and the new one is
// used from then on.
func TestPresetsLongLivedToken(t *testing.T) {
	const token = "https://graph.facebook.com/v26.0/oauth/access_token"
	i := imitate(t, map[string][]answer{"POST " + token: {{body: bearerToken}, {body: `{"access_token":"access-2","token_type":"bearer","expires_in":5183944}`}}})
	config := preset(t, "facebook", nil)
	client := openPreset(t, config, i)
	if _, err := i.signInWith(t, client, config, ""); err != nil {
		t.Fatal(err)
	}
	status, err := client.Extend(t.Context())
	if err != nil || time.Until(status.ExpiresAt) < 59*24*time.Hour {
		t.Fatalf("%v, %+v", err, status)
	}
	sent := i.requests(token)[1]
	checkClient(t, sent, false)
	if sent.PostForm.Get("grant_type") != "fb_exchange_token" || sent.PostForm.Get("fb_exchange_token") != "access-1" {
		t.Errorf("%v", sent.PostForm)
	}
	if got, err := client.Token(t.Context()); err != nil || got.AccessToken != "access-2" {
		t.Errorf("%v, %q", err, got.AccessToken)
	}
}

// H3, H7: for a provider that does not refresh, a refresh fails before anything is sent, even if
// there is a refresh token.
func TestPresetsWithoutRefresh(t *testing.T) {
	for _, name := range []string{"facebook", "franceconnect", "shopify"} {
		client := openPreset(t, preset(t, name, nil), imitate(t, nil))
		if _, err := client.SetToken(t.Context(), oauth.Token{AccessToken: "a", TokenType: "bearer", RefreshToken: "r"}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Refresh(t.Context()); !errors.Is(err, &oauth.Error{Kind: "client", Code: "refresh_not_supported"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// H1, H2, H7: if a provider revokes tokens, the request has its form; other providers get no
// request.
func TestPresetsRevoke(t *testing.T) {
	endpoints := map[string]string{
		"discord":       "https://discord.com/api/oauth2/token/revoke",
		"franceconnect": "https://oidc.franceconnect.gouv.fr/api/v2/token/revocation",
		"google":        "https://oauth2.googleapis.com/revoke",
		"naver":         "https://nid.naver.com/oauth2.0/revoke",
		"okta":          "https://dev-1.okta.com/oauth2/v1/revoke",
		"reddit":        "https://www.reddit.com/api/v1/revoke_token",
	}
	for _, name := range presets.Names() {
		answers := map[string][]answer{}
		if endpoint := endpoints[name]; endpoint != "" {
			answers["POST "+endpoint] = []answer{{body: "{}"}}
		}
		i := imitate(t, answers)
		client := openPreset(t, preset(t, name, nil), i)
		if _, err := client.SetToken(t.Context(), oauth.Token{AccessToken: "a", TokenType: "bearer"}); err != nil {
			t.Fatal(err)
		}
		_, err := client.Revoke(t.Context(), oauth.RevokeParams{TokenTypeHint: oauth.HintAccessToken})
		if endpoints[name] == "" {
			if !errors.Is(err, &oauth.Error{Kind: "client", Code: "revocation_not_supported"}) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sent := i.requests(endpoints[name])[0]
		checkClient(t, sent, slices.Contains([]string{"discord", "okta", "reddit"}, name))
		if sent.PostForm.Get("token") != "a" || sent.PostForm.Get("token_type_hint") != "access_token" {
			t.Errorf("%s: %v", name, sent.PostForm)
		}
	}
}

// H4, H7: every preset opens and makes an authorization URL with all that its provider requires,
// and with PKCE unless the provider cannot do that.
func TestPresetsAuthorizationURL(t *testing.T) {
	wanted := map[string]struct{ address, query string }{
		"discord":       {"https://discord.com/oauth2/authorize", "scope=identify+email"},
		"facebook":      {"https://www.facebook.com/v26.0/dialog/oauth", "scope=email+public_profile"},
		"franceconnect": {"https://oidc.franceconnect.gouv.fr/api/v2/authorize", "scope=openid+email&acr_values=eidas1"},
		"github":        {"https://github.com/login/oauth/authorize", "scope=read:user+user:email"},
		"google":        {"https://accounts.google.com/o/oauth2/v2/auth", "scope=openid+email+profile&access_type=offline"},
		"kakao":         {"https://kauth.kakao.com/oauth/authorize", ""},
		"linkedin":      {"https://www.linkedin.com/oauth/v2/authorization", "scope=openid+profile+email"},
		"microsoft":     {"https://login.microsoftonline.com/common/oauth2/v2.0/authorize", "scope=openid+email+profile"},
		"naver":         {"https://nid.naver.com/oauth2.0/authorize", ""},
		"okta":          {"https://dev-1.okta.com/oauth2/v1/authorize", "scope=openid+email+profile"},
		"openid":        {"https://op.example/auth", "scope=openid+email+profile"},
		"reddit":        {"https://www.reddit.com/api/v1/authorize", "scope=identity&duration=permanent"},
		"shopify":       {"https://my-shop.myshopify.com/admin/oauth/authorize", ""},
		"slack":         {"https://slack.com/oauth/v2/authorize", "user_scope=users:read"},
	}
	for _, name := range presets.Names() {
		client := openPreset(t, preset(t, name, nil), imitate(t, nil))
		begun, err := client.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		address, query, _ := strings.Cut(begun.URL, "?")
		got, err := url.ParseQuery(query)
		if err != nil || address != wanted[name].address {
			t.Errorf("%s: %v, %s", name, err, begun.URL)
		}
		if got.Get("state") != begun.State || (got.Get("code_challenge_method") == "S256") == (name == "linkedin") {
			t.Errorf("%s: %s", name, begun.URL)
		}
		for _, drawn := range []string{"state", "nonce", "code_challenge", "code_challenge_method"} {
			got.Del(drawn)
		}
		want, err := url.ParseQuery("response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&" + wanted[name].query)
		if err != nil || got.Encode() != want.Encode() {
			t.Errorf("%s: %v, %v", name, err, got)
		}
	}
}

// H7: a variable is one label of a host or one segment of a path. A value that would lead elsewhere
// is refused, and the error names the variable.
func TestPresetsTamperedVariable(t *testing.T) {
	for name, variable := range map[string]string{"facebook": "version", "franceconnect": "host", "microsoft": "tenant", "okta": "domain", "shopify": "shop"} {
		for _, value := range []string{"", ".", "..", "../", "a.b/c", "a..b", "evil.example/", "evil.example#", "evil.example?", "x@evil.example", "evil.example:1", `evil.example\`,
			"%2e%2e", "a b", "a\n", "{" + variable + "}", "é"} {
			_, err := wasm.Open(t.Context(), preset(t, name, map[string]string{variable: value}), wasm.Options{})
			if !badVariable(err) {
				t.Errorf("%s: %q: %v", name, value, err)
			}
		}
	}
	for _, name := range []string{"okta", "shopify"} {
		_, err := wasm.Open(t.Context(), preset(t, name, map[string]string{}), wasm.Options{})
		if !badVariable(err) {
			t.Errorf("%s without its variable: %v", name, err)
		}
	}
}

func badVariable(err error) bool {
	var e *oauth.Error
	return errors.As(err, &e) && e.Kind == "client" && e.Code == "bad_value" && e.Field == "variables" && strings.Contains(err.Error(), "variables")
}
