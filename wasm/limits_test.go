package wasm_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// X2: the largest answers that a server can give, each of the kind that needs the most memory, are
// accepted or refused within the default limit, and never cause a trap.
func TestLargestAnswers(t *testing.T) {
	const most = 512 << 10
	escaped := func(n, length int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"\n%04d%s":0`, i, strings.Repeat("x", length))
		}
		return b.String()
	}
	for name, more := range map[string]string{
		"many values":               `,"x":[0` + strings.Repeat(",0", 49_000) + `]`,
		"too many values":           `,"x":[0` + strings.Repeat(",0", 250_000) + `]`,
		"names with escapes":        escaped(990, 20),
		"long names with escapes":   escaped(990, 500),
		"a string of escapes":       `,"x":"` + strings.Repeat(`\n`, 250_000) + `"`,
		"a string of commas":        `,"x":"` + strings.Repeat(`,`, 500_000) + `"`,
		"a long scope":              `,"scope":"` + strings.Repeat("a ", 250_000) + `a"`,
		"a long refresh token":      `,"refresh_token":"` + strings.Repeat("r", 500_000) + `"`,
		"nested as deep as allowed": `,"x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31),
	} {
		t.Run(name, func(t *testing.T) {
			engine, err := wasm.New(t.Context(), wasm.EngineOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Shutdown()
			n := 0
			head := func() string {
				n++
				e := sha256.Sum256(fmt.Appendf(nil, "%d", n))
				return fmt.Sprintf(`{"now":1700000000000,"entropy":%q,`, base64.RawURLEncoding.EncodeToString(e[:]))
			}
			h := engine.Open([]byte(head() + `"kind":"client","session":"","config":{"client_id":"c","token_endpoint":"https://as.example/token"}}`))
			text, _ := json.Marshal(`{"access_token":"a","token_type":"Bearer"` + more + `}`)
			if len(text) > 2*most {
				t.Fatal("larger than a host hands in")
			}
			if code := engine.Input(h, []byte(head()+`"command":"exchange","id":1,"code":"x"}`)); code != 0 {
				t.Fatal(code)
			}
			ended := false
			for rounds := 0; !ended && rounds < 20; rounds++ {
				raw := engine.Effect(h)
				if raw == nil {
					break
				}
				var e struct{ ID, Kind string }
				if err := json.Unmarshal(raw, &e); err != nil {
					t.Fatal(err)
				}
				answer := map[string]string{"http": `"ok":{"status":200,"headers":[["content-type","application/json"]],"body":{"text":` + string(text) + `}}`, "store": `"ok":{"version":"1"}`}[e.Kind]
				if ended = e.Kind == "result"; answer != "" {
					if code := engine.Input(h, []byte(head()+fmt.Sprintf(`"answer":%q,%s}`, e.ID, answer))); code == 3 {
						code = engine.Input(h, []byte(head()+fmt.Sprintf(`"answer":%q,"failed":{"kind":"too_large"}}`, e.ID)))
						t.Log("too large,", code)
					} else if code != 0 {
						t.Fatal(code, engine.Lost(h))
					}
				}
			}
			if !ended || engine.Lost(h) != nil {
				t.Fatal("no result", engine.Lost(h))
			}
		})
	}
}
