package hosts

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// minimal is the host that the second half of core/contract/HOSTS.md describes: five kinds of
// effects, and "unsupported" for every other one that needs an answer. It knows nothing of OAuth.
type minimal struct {
	t       *testing.T
	engine  oauth.Engine
	handle  int32
	now     time.Time
	kept    map[string]entry
	writes  int
	results map[int]result
	inputs  []map[string]any // that wait for their turn
	refused map[string]bool  // kinds that were answered "unsupported"
}

type (
	entry  struct{ value, version string }
	result struct {
		OK    map[string]any `json:"ok"`
		Error map[string]any `json:"error"`
	}
	effect struct {
		ID, Kind     string
		Method, URL  string
		Headers      [][2]string
		Body         *struct{ Text string }
		Key, Version string
		Value        string
		Delete       bool
		Command      int
		result
	}
)

// message adds the members that every message has.
func (m *minimal) message(members map[string]any) []byte {
	entropy := make([]byte, 32)
	rand.Read(entropy)
	members["now"], members["entropy"] = m.now.UnixMilli(), base64.RawURLEncoding.EncodeToString(entropy)
	raw, err := json.Marshal(members)
	if err != nil {
		m.t.Fatal(err)
	}
	return raw
}

func (m *minimal) open(config map[string]any) {
	m.handle = m.engine.Open(m.message(map[string]any{"kind": "client", "config": config}))
	if m.handle < 1 {
		m.t.Fatalf("refused: %s", m.engine.Effect(0))
	}
	m.run()
}

// do gives a command and waits for its result.
func (m *minimal) do(id int, command string, members map[string]any) result {
	m.t.Helper()
	if members == nil {
		members = map[string]any{}
	}
	members["command"], members["id"] = command, id
	m.inputs = append(m.inputs, members)
	m.run()
	r, ok := m.results[id]
	if !ok {
		m.t.Fatalf("%s: no result", command)
	}
	return r
}

// run carries out effects and passes waiting inputs until there are none.
func (m *minimal) run() {
	for {
		var effects []effect
		for raw := m.engine.Effect(m.handle); raw != nil; raw = m.engine.Effect(m.handle) {
			var e effect
			if err := json.Unmarshal(raw, &e); err != nil {
				m.t.Fatal(err)
			}
			effects = append(effects, e)
		}
		for _, e := range effects {
			if answer := m.carryOut(e); answer != nil {
				answer["answer"] = e.ID
				m.inputs = append(m.inputs, answer)
			}
		}
		if len(m.inputs) == 0 {
			return
		}
		if code := m.engine.Input(m.handle, m.message(m.inputs[0])); code != oauth.Taken {
			m.t.Fatalf("code %d", code)
		}
		m.inputs = m.inputs[1:]
	}
}

func (m *minimal) carryOut(e effect) map[string]any {
	ok := func(members map[string]any) map[string]any { return map[string]any{"ok": members} }
	failed := func(kind string) map[string]any { return map[string]any{"failed": map[string]any{"kind": kind}} }
	switch e.Kind {
	case "http":
		return m.fetch(e, ok, failed)
	case "load":
		kept, there := m.kept[e.Key]
		if !there {
			return ok(map[string]any{"version": ""})
		}
		return ok(map[string]any{"value": kept.value, "version": kept.version})
	case "store":
		if m.kept[e.Key].version != e.Version {
			return failed("conflict")
		}
		if e.Delete {
			delete(m.kept, e.Key)
			return ok(map[string]any{"version": ""})
		}
		m.writes++
		m.kept[e.Key] = entry{e.Value, strconv.Itoa(m.writes)}
		return ok(map[string]any{"version": m.kept[e.Key].version})
	case "result":
		m.results[e.Command] = e.result
		return nil
	case "timer": // no timer fires here
		return nil
	case "event", "http-cancel", "timer-cancel", "unlock", "remember":
		return nil
	}
	m.refused[e.Kind] = true
	return failed("unsupported")
}

func (m *minimal) fetch(e effect, ok func(map[string]any) map[string]any, failed func(string) map[string]any) map[string]any {
	body := ""
	if e.Body != nil {
		body = e.Body.Text
	}
	r, err := http.NewRequest(e.Method, e.URL, strings.NewReader(body))
	if err != nil {
		return failed("unsent")
	}
	for _, h := range e.Headers {
		r.Header.Add(h[0], h[1])
	}
	res, err := http.DefaultTransport.RoundTrip(r) // it follows no redirect
	if err != nil {
		return failed("network")
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return failed("network")
	}
	headers := [][2]string{}
	for name, values := range res.Header {
		for _, value := range values {
			headers = append(headers, [2]string{strings.ToLower(name), value})
		}
	}
	return ok(map[string]any{"status": res.StatusCode, "headers": headers, "body": map[string]any{"text": string(got)}})
}

// TestMinimalHost (M67): five kinds of effects are enough to sign in, to get a token, to refresh
// it, and for the next process to continue. Every other kind, locks included, is "unsupported". It
// runs on wasmtime, with the C host of HOSTS.md.
func TestMinimalHost(t *testing.T) {
	var forms []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		forms = append(forms, r.PostForm.Get("grant_type")+" "+r.PostForm.Get("code")+r.PostForm.Get("refresh_token"))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"at-%d","token_type":"Bearer","expires_in":600,"refresh_token":"rt-%d"}`, len(forms), len(forms))
	}))
	defer server.Close()
	config := map[string]any{
		"client_id": "c", "authorization_endpoint": server.URL + "/authorize", "token_endpoint": server.URL + "/token", "redirect_uri": "http://127.0.0.1/cb",
	}
	file, _ := artifact(t, module(t))
	next := onWasmtime(t, file, "-I"+guide(t))
	kept := map[string]entry{}
	begin := func(now time.Time) *minimal {
		m := &minimal{t: t, engine: next(t), now: now, kept: kept, results: map[int]result{}, refused: map[string]bool{}}
		m.open(config)
		return m
	}
	m := begin(time.Now())
	begun := m.do(1, "authorize", nil).OK
	if link, _ := begun["url"].(string); !strings.HasPrefix(link, server.URL+"/authorize?") {
		t.Fatal(begun)
	}
	if r := m.do(2, "callback", map[string]any{"url": "http://127.0.0.1/cb?code=code-1&state=" + begun["state"].(string)}); r.Error != nil {
		t.Fatal(r.Error)
	}
	if r := m.do(3, "token", nil); r.OK["access_token"] != "at-1" {
		t.Fatal(r)
	}

	m = begin(time.Now().Add(time.Hour)) // another process, when the token has expired
	if r := m.do(1, "token", nil); r.OK["access_token"] != "at-2" {
		t.Fatal(r)
	}
	if got := strings.Join(forms, ", "); got != "authorization_code code-1, refresh_token rt-1" {
		t.Errorf("asked %s", got)
	}
	if !m.refused["lock"] {
		t.Errorf("no lock was asked for: %v", m.refused)
	}
}
