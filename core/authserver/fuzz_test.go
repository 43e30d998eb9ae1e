package authserver_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A7: whatever comes, nothing panics, and nobody is sent anywhere but to a registered redirect URI or
// back to the pages, not even after signing in and approving.
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
	f.Fuzz(func(t *testing.T, method, target, contentType, authorization, body string) {
		b := newBench(t)
		b.approve(request("spa")) // someone is signed in
		resp := b.send(method, target, http.Header{
			"Content-Type": {contentType}, "Authorization": {authorization}, "Cookie": {b.cookie}, "Origin": {"https://evil.example"},
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
			if to := resp.Header.Get("Location"); to != "" && !strings.HasPrefix(to, "/authorize?") {
				checkRegistered(t, to)
			}
			switch page := string(resp.Body); {
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

var codeField = regexp.MustCompile(`name="user_code" [^>]*value="([^"]*)"`)

// typedCode is what the form for the user code is filled in with.
func typedCode(page string) string {
	return html.UnescapeString(codeField.FindStringSubmatch(page)[1])
}

// checkRegistered judges by a parser what the server compared as text.
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
			if u.Scheme == r.Scheme && sameHost && u.Path == r.Path && u.Query().Get("iss") == issuer {
				return
			}
		}
	}
	t.Fatalf("Location %q is nobody's", to)
}
