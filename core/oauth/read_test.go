package oauth

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// value reads any value, with encoding/json's types.
func (r *reader) value() any {
	switch r.next() {
	case '{':
		object := map[string]any{}
		for r.begin('{'); r.more('}'); {
			object[string(r.name())] = r.value()
		}
		return object
	case '[':
		array := []any{}
		for r.begin('['); r.more(']'); {
			array = append(array, r.value())
		}
		return array
	case '"':
		return r.text()
	case 't', 'f':
		return r.boolean()
	case 'n':
		r.word("null")
		return nil
	}
	return json.Number(r.number())
}

func deep(v any) (depth int) {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			depth = max(depth, deep(inner))
		}
	case []any:
		for _, inner := range v {
			depth = max(depth, deep(inner))
		}
	}
	return depth + 1
}

// replaced reports whether encoding/json reads U+FFFD in a string that does not contain it, because
// the string has half of a surrogate pair.
func replaced(text []byte) bool {
	const replacement = "\uFFFD"
	if bytes.Contains(text, []byte(replacement)) || bytes.Contains(bytes.ToLower(text), []byte(`\ufffd`)) {
		return false
	}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if s, ok := token.(string); ok && strings.Contains(s, replacement) {
			return true
		}
	}
}

// reader accepts what encoding/json accepts, with the same result, except what two readers could
// understand differently; and nothing else.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0,2.5e+7,true,false,null,"x"],"b":{"c":{}},"":[]}`, "\t{ \"a\" : [ 1 , 2 ] }\r\n ", `"\u00e9\ud83d\ude00\n\"\\\/"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ude00"`, "\"a\xffb\"",
		`[1,]`, `[,1]`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `[1 2]`, `01`, `1.`, `.5`, `-`, `+1`, `1e`, `1e5`, `truer`, `nul`, `""x`, "\"\x1f\"", "\"of eight \x1f bytes\"", `"\x"`, `"\u12"`, `"\u+123"`, ``, ` `,
		`{"\u0061":1}`, `"long enough for two words, and an escape\n behind them: é"`, `9223372036854775807`, `9223372036854775808`, `[1}`, `{"a":1]`,
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var want any
		valid := json.Valid(text) && d.Decode(&want) == nil && utf8.Valid(text) && !replaced(text)

		r := read(text)
		if got := r.value(); r.end() != valid || valid && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, %v; want %#v, %v", text, got, r.end(), want, valid)
		}
		r = read(text)
		if raw := r.raw(); r.end() != (valid && deep(want) <= maxDepth) || r.end() && !bytes.Equal(raw, bytes.Trim(text, " \t\r\n")) {
			t.Errorf("%q: raw %q, %v", text, raw, r.end())
		}
		var number int64
		r = read(text)
		if got := r.integer(); r.end() != (valid && want != nil && json.Unmarshal(text, &number) == nil) || r.end() && got != number {
			t.Errorf("%q: integer %d, %v", text, got, r.end())
		}
		var list []pair
		r = read(text)
		if got := r.pairs(); r.end() && (json.Unmarshal(text, &list) != nil || len(got) != len(list) || len(list) > 0 && !reflect.DeepEqual(got, list)) {
			t.Errorf("%q: pairs %q, want %q", text, got, list)
		}
	})
}

func FuzzAppendText(f *testing.F) {
	for _, seed := range []string{"", "plain", "quotes \" and \\ and \x00\x1f\x7f", "é \U0001F600   ", "\xff\xfe cut \xe2\x82", "eight by\"eight by\\teight by\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := appendText(nil, []byte(s))
		var got string
		if err := json.Unmarshal(text, &got); err != nil || got != strings.ToValidUTF8(s, "\uFFFD") {
			t.Errorf("%q: %s, %v", s, text, err)
		}
		if r := read(text); r.text() != got || !r.end() {
			t.Errorf("%q: not read back from %s", s, text)
		}
	})
}

// Every effect of every transcript, and every result, is read as encoding/json reads it.
func TestReadersAgreeOnTranscripts(t *testing.T) {
	files, err := filepath.Glob("../contract/client/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	kinds := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ops := map[int64]string{}
		for line := range strings.Lines(string(text)) {
			raw := []byte(strings.TrimSpace(line)[min(2, len(strings.TrimSpace(line))):])
			if strings.HasPrefix(line, "> ") {
				var in struct {
					Command string `json:"command"`
					ID      int64  `json:"id"`
				}
				if json.Unmarshal(raw, &in) == nil {
					ops[in.ID] = in.Command
				}
			} else if strings.HasPrefix(line, "< {\"id\"") {
				got := compareEffect(t, raw)
				if kinds[got.Kind]++; got.Kind == "result" && got.Error == nil {
					kinds["ok of "+ops[got.Command]]++
					compareResult(t, ops[got.Command], got.OK)
				}
			}
		}
	}
	for _, kind := range []string{"http", "store", "event", "verify", "key", "sign", "hook", "timer", "ok of status", "ok of token", "ok of callback", "ok of authorize", "ok of prepare", "ok of device_start", "ok of token_exchange"} {
		if kinds[kind] == 0 {
			t.Errorf("no transcript has %s", kind)
		}
	}
}

// A truncated message is no effect, or a result whose value is not read.
func TestCutEffects(t *testing.T) {
	for _, whole := range []string{
		`{"id":"1.1","kind":"http","stage":"token","method":"POST","url":"https://as.example/token","headers":[["accept","application/json"]],"body":{"text":"a=\u00e9"},"timeout_ms":10000,"max_body":1048576}`,
		`{"id":"1.2","kind":"store","key":"k","version":"","value":"v","expires_at":1}`,
		`{"id":"1.3","kind":"verify","alg":"ES256","jwk":{"kty":"EC"},"input":"a","signature":"b"}`,
		`{"id":"1.4","kind":"hook","hook":"parameters","parameters":[["a","b"]],"request":{}}`,
		`{"id":"1.5","kind":"result","command":7,"error":{"code":"network","retry_after_ms":5}}`,
		`{"id":"1.6","kind":"result","command":7,"ok":{"active":true,"scope":"a b"}}`,
	} {
		if _, ok := readEffect([]byte(whole)); !ok {
			t.Errorf("not read: %s", whole)
		}
		for n := range whole {
			e, ok := readEffect([]byte(whole[:n]))
			if ok && (e.Kind != "result" || result{ok: e.OK}.read("status", new(Status)) == nil) {
				t.Errorf("read: %s", whole[:n])
			}
		}
	}
}

func compareEffect(t *testing.T, raw []byte) *effect {
	type wire struct {
		ID         string          `json:"id"`
		Kind       string          `json:"kind"`
		Stage      string          `json:"stage"`
		Method     string          `json:"method"`
		URL        string          `json:"url"`
		Headers    []pair          `json:"headers"`
		TimeoutMS  int64           `json:"timeout_ms"`
		MaxBody    int64           `json:"max_body"`
		Target     string          `json:"target"`
		MS         int64           `json:"ms"`
		Key        string          `json:"key"`
		Version    string          `json:"version"`
		Value      *string         `json:"value"`
		ExpiresAt  int64           `json:"expires_at"`
		Name       string          `json:"name"`
		Alg        string          `json:"alg"`
		Create     bool            `json:"create"`
		Delete     bool            `json:"delete"`
		Watch      bool            `json:"watch"`
		JWK        json.RawMessage `json:"jwk"`
		Input      string          `json:"input"`
		Signature  string          `json:"signature"`
		Hook       string          `json:"hook"`
		Parameters []pair          `json:"parameters"`
		Request    json.RawMessage `json:"request"`
		Command    int64           `json:"command"`
		OK         json.RawMessage `json:"ok"`
	}
	var want struct {
		wire
		Body  *struct{ Text, Base64, Ref *string } `json:"body"`
		Error *struct {
			Error
			RetryAfterMS      int64 `json:"retry_after_ms"`
			ClockDifferenceMS int64 `json:"clock_difference_ms"`
		} `json:"error"`
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	got, ok := readEffect(raw)
	if !ok {
		t.Fatalf("not read: %s", raw)
	}
	plain := wire{got.ID, got.Kind, got.Stage, got.Method, got.URL, got.Headers, got.TimeoutMS, got.MaxBody, got.Target, got.MS, got.Key, got.Version, got.Value, got.ExpiresAt,
		got.Name, got.Alg, got.Create, got.Delete, got.Watch, got.JWK, got.Input, got.Signature, got.Hook, got.Parameters, got.Request, got.Command, got.OK}
	for _, list := range []*[]pair{&want.Headers, &want.Parameters} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if !reflect.DeepEqual(plain, want.wire) {
		t.Errorf("%s\n got %+v\nwant %+v", raw, plain, want.wire)
	}
	if (got.Body == nil) != (want.Body == nil) || got.Body != nil && !reflect.DeepEqual(*got.Body, body{want.Body.Text, want.Body.Base64, want.Body.Ref}) {
		t.Errorf("%s\nbody %+v", raw, got.Body)
	}
	if (got.Error == nil) != (want.Error == nil) {
		t.Errorf("%s\nerror %v", raw, got.Error)
	} else if got.Error != nil {
		want.Error.RetryAfter = milliseconds(want.Error.RetryAfterMS)
		want.Error.ClockDifference = time.Duration(want.Error.ClockDifferenceMS) * time.Millisecond
		if *got.Error != want.Error.Error {
			t.Errorf("%s\n got %+v\nwant %+v", raw, *got.Error, want.Error.Error)
		}
	}
	return got
}

func compareResult(t *testing.T, op string, ok []byte) {
	type timed struct {
		ExpiresAt  int64 `json:"expires_at"`
		IntervalMS int64 `json:"interval_ms"`
		GoodUntil  int64 `json:"good_until"`
	}
	var at timed
	if err := json.Unmarshal(ok, &at); err != nil {
		t.Fatal(err)
	}
	var got readable
	var want any
	switch op {
	case "status", "refresh", "exchange", "revoke", "extend", "device_wait", "client_credentials", "jwt_bearer", "set_token", "callback":
		type plain Status
		type devicePlain DeviceAuthorization
		var s struct {
			plain
			Device *struct {
				devicePlain
				timed
			} `json:"device"`
			State   string `json:"app_state"`
			Handled bool   `json:"handled_elsewhere"`
		}
		if err := json.Unmarshal(ok, &s); err != nil {
			t.Fatal(err)
		}
		status := Status(s.plain)
		if status.ExpiresAt = atMilli(at.ExpiresAt); s.Device != nil {
			device := DeviceAuthorization(s.Device.devicePlain)
			device.ExpiresAt, device.Interval = atMilli(s.Device.timed.ExpiresAt), milliseconds(s.Device.IntervalMS)
			status.Device = &device
		}
		if op == "callback" {
			got, want = &CallbackResult{}, &CallbackResult{status, s.State, s.Handled}
		} else {
			got, want = &Status{}, &status
		}
	case "token", "token_exchange":
		var w struct {
			AccessToken string       `json:"access_token"`
			TokenType   string       `json:"token_type"`
			Scope       string       `json:"scope"`
			Issued      TokenTypeURI `json:"issued_token_type"`
		}
		if err := json.Unmarshal(ok, &w); err != nil {
			t.Fatal(err)
		}
		token := Token{AccessToken: w.AccessToken, TokenType: w.TokenType, ExpiresAt: atMilli(at.ExpiresAt), Scope: w.Scope}
		if op == "token" {
			got, want = &heldToken{}, &heldToken{Token: token, goodUntil: at.GoodUntil}
		} else {
			got, want = &ExchangedToken{}, &ExchangedToken{token, w.Issued}
		}
	case "device_start":
		type plain DeviceAuthorization
		var d plain
		if err := json.Unmarshal(ok, &d); err != nil {
			t.Fatal(err)
		}
		d.ExpiresAt, d.Interval = atMilli(at.ExpiresAt), milliseconds(at.IntervalMS)
		got, want = &DeviceAuthorization{}, (*DeviceAuthorization)(&d)
	case "authorize":
		var a Authorization
		if err := json.Unmarshal(ok, &a); err != nil {
			t.Fatal(err)
		}
		got, want = &Authorization{}, &a
	case "prepare":
		var p struct {
			Headers   []pair `json:"headers"`
			GoodUntil int64  `json:"good_until"`
		}
		if err := json.Unmarshal(ok, &p); err != nil {
			t.Fatal(err)
		}
		got, want = &prepared{}, &prepared{request{}, p.Headers, p.GoodUntil}
	default:
		return
	}
	if err := (result{ok: bytes.Clone(ok)}).read(op, got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %s\n got %+v, %v\nwant %+v", op, ok, got, err, want)
	}
}
