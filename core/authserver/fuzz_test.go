package authserver_test

import (
	"crypto/elliptic"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A7: no request causes a panic, and nobody is sent anywhere but to a registered redirect URI or to
// the server's own pages, not even after a sign-in and consent.
func FuzzHandle(f *testing.F) {
	form := "application/x-www-form-urlencoded"
	f.Add("GET", "/authorize?"+request("spa").Encode(), "", "", "")
	f.Add("GET", "/authorize?"+request("web").Encode()+"&prompt=none", "", "", "")
	f.Add("GET", "/authorize?"+with(request("native"), "redirect_uri", "http://127.0.0.1:5/cb").Encode(), "", "", "")
	f.Add("GET", "/authorize?client_id=spa&redirect_uri=https%3A%2F%2Fapp.example%2Fcb%40evil.example", "", "", "")
	f.Add("GET", "https://login.example/authorize?client_id=native&redirect_uri=http%3A%2F%2F127.0.0.1%3A5%40evil.example%2Fcb", "", "", "")
	f.Add("POST", "/authorize?"+request("spa").Encode(), form, "", "action=approve&interaction=AAAA")
	f.Add("POST", "/token", form, basic("web", webSecret).Get("Authorization"), exchange("web", "x").Encode())
	f.Add("POST", "/token", form, "", "grant_type=refresh_token&client_id=spa&refresh_token=x")
	f.Add("POST", "/revoke", form+";charset=utf-8", "", "client_id=spa&token=x")
	f.Add("GET", "/userinfo", "", "Bearer x", "")
	f.Add("POST", "/token", form, basic("service", "svc").Get("Authorization"), "grant_type=client_credentials&scope=profile")
	f.Add("POST", "/token", form, "", "grant_type="+url.QueryEscape(authserver.GrantDeviceCode)+"&client_id=tv&device_code=x")
	f.Add("POST", "/device_authorization", form, "", "client_id=tv&scope=profile")
	f.Add("POST", "/introspect", form, basic("api", "api").Get("Authorization"), "token=x&token_type_hint=y")
	f.Add("GET", "/device?user_code=bbbb+bbbb", "", "", "")
	f.Add("GET", "/device?user_code=%3Cb%3E%00", "", "", "")
	f.Add("POST", "/device?user_code=BBBB-BBBB", form, "", "action=approve&interaction=AAAA")
	f.Add("OPTIONS", "/token", "", "", "")
	f.Add("GET", "/authorize?"+with(request("front"), "response_type", "code id_token", "nonce", "n", "scope", "openid").Encode(), "", "", "")
	f.Add("GET", "/authorize?"+with(request("front"), "response_type", "token", "response_mode", "form_post.jwt").Encode(), "", "", "")
	f.Add("GET", "/authorize?"+with(request("spa"), "response_mode", "fragment", "resource", notes,
		"acr_values", "gold", "authorization_details", `[{"type":"payment"}]`).Encode(), "", "", "")
	object := signWith(f, jose.ES256, clientKey, "JWT", false, claimsOf(request("maybe")))
	f.Add("GET", "/authorize?client_id=maybe&request="+object, "", "", "")
	f.Add("GET", "/authorize?client_id=pushes&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ax", "", "", "")
	f.Add("POST", "/par", form, "", request("pushes").Encode())
	f.Add("POST", "/par", form, "", "client_id=maybe&request="+object)
	assertion := signWith(f, jose.ES256, clientKey, "JWT", false, (&bench{now: start}).assertion("signs", "1"))
	f.Add("POST", "/token", form, "", asserting(url.Values{"grant_type": {"client_credentials"}}, assertion).Encode())
	f.Add("POST", "/token", form, trusted.Get("Authorization"), "grant_type="+url.QueryEscape(authserver.GrantJWTBearer)+"&assertion="+assertion)
	f.Add("POST", "/token", form, trusted.Get("Authorization"), "grant_type="+url.QueryEscape(authserver.GrantTokenExchange)+"&subject_token=x&subject_token_type=x&audience=y")
	f.Add("POST", "/token", form, trusted.Get("Authorization"), "grant_type=password&username=first&password=one&scope=openid")
	f.Add("GET", "/logout?client_id=told&state=x&post_logout_redirect_uri=https%3A%2F%2Ftold.example%2Fbye%3Fa%3Db", "", "", "")
	f.Add("POST", "/logout", form, "", "id_token_hint="+assertion)
	f.Add("POST", "/register", "application/json", "", `{"redirect_uris":["https://app.example/cb"],"jwks":{"keys":[]},"token_endpoint_auth_method":"none"}`)
	f.Add("GET", "/userinfo", assertion, "DPoP x", "")
	key := newECKey(f, elliptic.P256())
	f.Fuzz(func(t *testing.T, method, target, contentType, authorization, body string) {
		b := newBench(t, everyGrant, everyResponse, func(c *authserver.Config) {
			c.SigningKey = key // to make one takes longer than most requests
			c.InsecureOpenRegistration, c.ACRValues, c.AuthorizationDetailsTypes = true, []string{"silver", "gold"}, []string{"payment"}
		})
		// A user is signed in, without going through the pages each time.
		session := authserver.Session{User: "first", AuthTime: start, ExpiresAt: start.Add(time.Hour), SID: "s", ACR: "silver"}
		if err := b.store.SaveSession(authserver.DigestOf(challenge), session); err != nil {
			t.Fatal(err)
		}
		b.cookie = "__Host-authserver=" + challenge
		// The fuzzer's media type is also used as a proof, because a proof request needs no media
		// type.
		resp := b.send(method, target, http.Header{
			"Content-Type": {contentType}, "Authorization": {authorization}, "Cookie": {b.cookie}, "Origin": {"https://evil.example"}, "Dpop": proofs(contentType),
		}, body)
		for range 3 {
			if resp.Status < 200 || resp.Status > 599 {
				t.Fatalf("status %d", resp.Status)
			}
			for name, values := range resp.Header {
				if strings.ContainsAny(name+strings.Join(values, ""), "\r\n\x00") {
					t.Fatalf("header %s: %q", name, values)
				}
			}
			to := resp.Header.Get("Location")
			own := strings.HasPrefix(to, "/authorize?") || strings.HasPrefix(to, "/logout?")
			if to != "" && !own {
				checkRegistered(t, to)
			}
			switch page := string(resp.Body); {
			case own:
				resp = b.visit("GET", to, nil)
			case strings.Contains(page, "document.forms[0].submit()"):
				checkRegistered(t, html.UnescapeString(actionAttribute.FindStringSubmatch(page)[1])+"#iss="+url.QueryEscape(issuer))
				return
			case strings.Contains(page, `data-testid="sign-out"`):
				resp = b.submit(resp, "sign-out", nil)
			case strings.Contains(page, `data-testid="device-code"`):
				resp = b.submit(resp, "continue", url.Values{"user_code": {typedCode(page)}})
			case strings.Contains(page, `data-testid="approve"`):
				resp = b.submit(resp, "approve", nil)
			case strings.Contains(page, `data-testid="login"`):
				resp = b.submit(resp, "sign-in", firstSignsIn)
			default:
				return
			}
		}
	})
}

// proofs returns the headers of a DPoP proof, if the text could be one.
func proofs(text string) []string {
	if strings.Count(text, ".") != 2 {
		return nil
	}
	return []string{text}
}

var codeField = regexp.MustCompile(`name="user_code" [^>]*value="([^"]*)"`)

// typedCode returns the content of the field for the user code.
func typedCode(page string) string {
	return html.UnescapeString(codeField.FindStringSubmatch(page)[1])
}

// checkRegistered checks with a parser what the server compared as text.
func checkRegistered(t *testing.T, to string) {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil || u.User != nil {
		t.Fatalf("Location %q", to)
	}
	for _, c := range clients {
		for _, registered := range c.RedirectURIs {
			r, err := url.Parse(registered)
			if err != nil {
				t.Fatal(err)
			}
			sameHost := u.Host == r.Host || (r.Hostname() == "127.0.0.1" && u.Hostname() == "127.0.0.1")
			result := u.Query()
			if u.Fragment != "" {
				_, encoded, _ := strings.Cut(to, "#")
				if result, err = url.ParseQuery(encoded); err != nil {
					t.Fatalf("Location %q", to)
				}
			}
			// A signed response contains the issuer itself.
			if u.Scheme == r.Scheme && sameHost && u.Path == r.Path && (result.Get("iss") == issuer || len(result["response"]) == 1) {
				return
			}
		}
		for _, registered := range c.PostLogoutRedirectURIs {
			if to == registered || strings.HasPrefix(to, registered+"?state=") || strings.HasPrefix(to, registered+"&state=") {
				return
			}
		}
	}
	t.Fatalf("Location %q is nobody's", to)
}

// M121: whatever a document contains, and whatever its address is, nothing panics. An accepted
// client has an https URL without user or fragment, its document names that URL as client_id, it
// has no secret, and the user is sent only to a redirect URI in the document.
func FuzzM121ClientDocument(f *testing.F) {
	f.Add(tool, toolDocument())
	f.Add(tool, toolDocument("scope", "profile", "grant_types", []string{"authorization_code", "urn:x"}, "token_endpoint_auth_method", nil))
	f.Add(tool, toolDocument("jwks", clientKeys, "token_endpoint_auth_method", "private_key_jwt"))
	f.Add(tool, toolDocument("jwks_uri", "https://tool.example/keys", "require_signed_request_object", true))
	f.Add(tool, toolDocument("client_secret", "x", "redirect_uris", []string{toolRedirect, "javascript:alert(1)"}))
	f.Add("https://me@tool.example/a/../b#c", `{"client_id":"https://me@tool.example/a/../b#c"}`)
	f.Add("https://[::ffff:127.0.0.1]:443/c?d=%2e", `[]`)
	f.Add("http://tool.example/%2E", `{"Client_ID":1}`)
	f.Fuzz(func(t *testing.T, clientID, body string) {
		b := newBench(t, func(c *authserver.Config) {
			c.ClientDocuments = func(string) (authserver.Response, error) {
				return authserver.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}, nil
			}
		})
		for _, c := range clients {
			if c.ClientID == clientID {
				return
			}
		}
		query := with(request("spa"), "client_id", clientID, "redirect_uri", toolRedirect)
		page := b.visit("GET", "/authorize?"+query.Encode(), nil)
		if page.Status != 200 {
			if page.Status >= 500 || page.Status < 300 {
				t.Fatalf("%d %s", page.Status, page.Body)
			}
			if to := page.Header.Get("Location"); to != "" && !strings.HasPrefix(to, toolRedirect+"?") {
				t.Fatalf("Location %q", to)
			}
			return
		}
		var document map[string]any
		if err := json.Unmarshal([]byte(body), &document); err != nil || document["client_id"] != clientID || document["client_secret"] != nil || document["client_name"] == nil {
			t.Fatalf("taken: %q %s", clientID, body)
		}
		u, err := url.Parse(clientID)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Path == "" || strings.ContainsAny(clientID, "#\\ ") || strings.Contains(u.Path, "/../") || u.Hostname() == "localhost" {
			t.Fatalf("taken: %q", clientID)
		}
		if to := b.approve(query); !strings.HasPrefix(to.String(), toolRedirect+"?") {
			t.Fatalf("sent to %s", to)
		}
	})
}
