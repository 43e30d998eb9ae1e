//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// answers are the JSON lines that a run prints.
func answers(t *testing.T, out string) (all []map[string]any) {
	t.Helper()
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var one map[string]any
		if err := decoder.Decode(&one); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		all = append(all, one)
	}
	return all
}

// one is the single JSON line that a run must print.
func (a *account) one(status int, args ...string) map[string]any {
	a.t.Helper()
	all := answers(a.t, a.start(args...).ends(status))
	if len(all) != 1 {
		a.t.Fatalf("%v printed %v", args, all)
	}
	return all[0]
}

// TestJSON (M81): with -json every command prints one object per line; so does a failure, with its
// exit status.
func TestJSON(t *testing.T) {
	t.Parallel()
	p := certified(t)
	a := newAccount(t, p.config)
	login := a.start("-json", "login")
	page, code := login.code()
	p.decide(t, page, "approve")
	lines := answers(t, login.ends(exitOK))
	if len(lines) != 2 || lines[1]["signed_in"] != true {
		t.Fatal(lines)
	}
	if d, _ := lines[0]["device"].(map[string]any); d["user_code"] != code || d["verification_uri_complete"] != page || d["verification_uri"] == "" {
		t.Errorf("%v, not %s and %s", d, code, page)
	}
	token := a.one(exitOK, "-json")
	if token["access_token"] != a.token() || token["token_type"] != "Bearer" || token["id_token"] != nil || token["client"] != "public@"+p.config.Issuer {
		t.Errorf("token: %v", token)
	}
	if ends, err := time.Parse(time.RFC3339, token["expires_at"].(string)); err != nil || !ends.After(time.Now()) {
		t.Errorf("ends %v, %v", ends, err)
	}
	if id := a.one(exitOK, "-json", "-id-token"); strings.Count(id["access_token"].(string), ".") != 2 || id["access_token"] == token["access_token"] {
		t.Errorf("ID token: %v", id)
	}
	if who := a.one(exitOK, "-json", "whoami"); who["sub"] == "" || who["sub"] == nil || who["iss"] != p.config.Issuer {
		t.Errorf("whoami: %v", who)
	}
	if out := a.start("whoami").ends(exitOK); !strings.Contains(out, "\nsubject:  ") {
		t.Errorf("whoami: %s", out)
	}
	if status := a.one(exitOK, "-json", "status"); status["signed_in"] != true || status["scope"] == "" || status["access_token"] != nil {
		t.Errorf("status: %v", status)
	}
	if out := a.one(exitOK, "-json", "logout"); out["revoked"] != true || out["end_session_url"] == "" {
		t.Errorf("logout: %v", out)
	}
	failed := a.start("-json")
	if out := failed.ends(exitNotSignedIn); out != "" {
		t.Errorf("printed %q", out)
	}
	if lines := answers(t, failed.said()); len(lines) != 1 || lines[0]["exit"] != float64(exitNotSignedIn) || !strings.Contains(lines[0]["error"].(string), "not signed in") {
		t.Errorf("%q", failed.said())
	}
	if status := a.one(exitNotSignedIn, "-json", "status"); status["signed_in"] != false {
		t.Errorf("status: %v", status)
	}
}

// TestWhoamiByUserinfo (M81): without an ID token the server is asked who signed in, and its answer
// cannot control the terminal.
func TestWhoamiByUserinfo(t *testing.T) {
	t.Parallel()
	p := ours(t, nil)
	p.config.UserinfoEndpoint = p.config.Issuer + "/userinfo"
	p.config.Scope = "profile email"
	a := signIn(t, p)
	if who := a.one(exitOK, "-json", "whoami"); who["sub"] != user {
		t.Errorf("%v", who)
	}
	for _, row := range []struct {
		claims string
		want   identity
	}{
		{`{"sub":"s","email":"e","email_verified":true}`, identity{Subject: "s", Email: "e", EmailVerified: true}},
		{`{"sub":"s","email":"e","email_verified":"true"}`, identity{Subject: "s", Email: "e", EmailVerified: true}},
		{`{"sub":"s","email_verified":"false","name":7}`, identity{Subject: "s"}},
		{`{"sub":"s","client":"another","preferred_username":"u"}`, identity{Subject: "s", Username: "u"}},
		{`[]`, identity{}},
		{``, identity{}},
	} {
		var who identity
		if who.read(json.RawMessage(row.claims)); who != row.want {
			t.Errorf("%s: %+v", row.claims, who)
		}
	}
	var out bytes.Buffer
	teller := &program{source: fixed{who: identity{Client: "c", Subject: "s\x1b[2J", Name: "n\u202em"}}, out: &out}
	if err := teller.whoami(t.Context()); err != nil || strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("%v, %q", err, out.String())
	}
}
