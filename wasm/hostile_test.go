package wasm

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

// A conversation is a host's messages to a session: an open message, a command, and the answers to
// the command's effects.
type conversation struct {
	kind    string // default: client
	config  string // members in addition to those of hostileConfig
	session string
	command string // its parameters; default: those of exchange
	// answer returns the member "ok" or "failed" for an effect, "" for the answer of a good host.
	answer func(effect heard) string
}

type heard struct {
	ID, Kind, Stage, Key, Alg string
	Error                     *struct{ Kind, Code, Field string }
	raw                       string
}

const hostileConfig = `"client_id":"c","issuer":"https://as.example","token_endpoint":"https://as.example/token","redirect_uri":"https://client.example/cb",` +
	`"authorization_endpoint":"https://as.example/authorize","token_destinations":["https://api.example/"]`

// talk runs one conversation with an engine. It ends with the command's result, with a code that is
// not 0, or with the reason why the session was refused.
func (c conversation) talk(t *testing.T, e *Engine, entropy *int) (handle int32, last heard, code int32) {
	t.Helper()
	open := head(entropy) + `"kind":"` + c.sort() + `",` + c.session + `"config":{` + hostileConfig + c.config + `}}`
	if len(open) > 1<<20 {
		t.Fatalf("open: %d bytes", len(open))
	}
	if handle = e.Open([]byte(open)); handle <= 0 {
		json.Unmarshal(e.Effect(0), &last)
		return handle, last, 0
	}
	last, code = c.rounds(t, e, handle, entropy)
	return handle, last, code
}

func (c conversation) sort() string {
	if c.kind == "" {
		return "client"
	}
	return c.kind
}

func (c conversation) rounds(t *testing.T, e *Engine, handle int32, entropy *int) (last heard, code int32) {
	t.Helper()
	command := c.command
	if command == "" {
		command = `"command":"exchange","code":"x"`
	}
	queue := []string{head(entropy) + command + `,"id":` + fmt.Sprint(*entropy) + `}`}
	for first := true; len(queue) > 0 || first; first = false {
		var effects []heard
		if first {
			effects = drained(e, handle) // those of open
		} else {
			in := queue[0]
			queue = queue[1:]
			if len(in) > 1<<20 {
				t.Fatalf("%d bytes: more than a host hands in", len(in))
			}
			given := e.Input(handle, []byte(in))
			if at := strings.Index(in, `"answer":`); given == 3 && at >= 0 {
				id := in[at : at+strings.Index(in[at:], ",")]
				given = e.Input(handle, []byte(head(entropy)+id+`,"failed":{"kind":"too_large"}}`))
			}
			code = max(code, given)
			effects = drained(e, handle)
		}
		for _, effect := range effects {
			if effect.Kind == "result" {
				return effect, code
			}
			member := ""
			if c.answer != nil {
				member = c.answer(effect)
			}
			if member == "" {
				member = good(effect)
			}
			if member != "" {
				queue = append(queue, head(entropy)+`"answer":"`+effect.ID+`",`+member+`}`)
			}
		}
	}
	return last, code
}

func head(entropy *int) string {
	*entropy++
	e := sha256.Sum256(fmt.Appendf(nil, "%d", *entropy))
	return fmt.Sprintf(`{"now":1700000000000,"entropy":%q,`, base64.RawURLEncoding.EncodeToString(e[:]))
}

func drained(e *Engine, handle int32) (all []heard) {
	for raw := e.Effect(handle); raw != nil; raw = e.Effect(handle) {
		next := heard{raw: string(raw)}
		if json.Unmarshal(raw, &next) == nil {
			all = append(all, next)
		}
	}
	return all
}

// good returns the answer of a good host.
func good(effect heard) string {
	switch effect.Kind {
	case "event", "unlock", "http-cancel", "timer-cancel":
		return ""
	case "timer":
		return "" // it does not fire
	case "store":
		return `"ok":{"version":"1"}`
	case "http":
		if effect.Stage == "jwks" {
			return page200(`{"keys":[]}`)
		}
		return page200(`{"access_token":"a","token_type":"Bearer","refresh_token":"r"}`)
	}
	return `"ok":{}`
}

func page200(body string) string {
	return answered(`[["content-type","application/json"]]`, body)
}

func answered(headers, body string) string {
	return `"ok":{"status":200,"headers":` + headers + `,"body":{"text":` + quoted(body) + `}}`
}

// quoted returns a string as a host writes it.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// times repeats a piece until it is n bytes.
func times(piece string, n int) string { return strings.Repeat(piece, n/len(piece)) }

// numbered returns n bytes of numbered pieces, separated by commas.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// onHTTP answers the requests of a stage.
func onHTTP(stage string, member string) func(heard) string {
	return func(effect heard) string {
		if effect.Kind == "http" && effect.Stage == stage {
			return member
		}
		return ""
	}
}

// token is a conversation whose token answer has additional members.
func token(members string) conversation {
	return conversation{answer: onHTTP("token", page200(`{"access_token":"a","token_type":"Bearer"`+members+`}`))}
}

func jwt(payload string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc([]byte(payload)) + "." + enc(make([]byte, 256))
}

const openID = `,"jwks_uri":"https://as.example/jwks","scope":"openid","userinfo_endpoint":"https://as.example/userinfo",` +
	`"device_authorization_endpoint":"https://as.example/device","introspection_endpoint":"https://as.example/introspect"`

// hostile are big inputs of n bytes that obey the letter of the contract.
var hostile = map[string]func(n int) conversation{
	"answer: many values":                func(n int) conversation { return token(`,"x":[` + times("1,", n) + `1]`) },
	"answer: commas in a string":         func(n int) conversation { return token(`,"x":"` + times(",", n) + `"`) },
	"answer: commas outside of one":      func(n int) conversation { return token(times(",", n)) },
	"answer: small objects":              func(n int) conversation { return token(`,"x":[` + times(`{"a":{}},`, n) + `1]`) },
	"answer: escapes":                    func(n int) conversation { return token(`,"x":"` + times(`\n`, n/2) + `"`) },
	"answer: short strings with escapes": func(n int) conversation { return token(`,"x":[` + times(`"\n",`, n*2/3) + `1]`) },
	"answer: deep": func(n int) conversation {
		return token(`,"x":[` + times(strings.Repeat("[", 29)+strings.Repeat("]", 29)+",", n) + `1]`)
	},
	"answer: too deep": func(n int) conversation { return token(`,"x":` + times("[", n)) },
	"answer: members":  func(n int) conversation { return token(`,` + numbered(`"m%d":0`, min(n, 9000))) },
	"answer: objects of many members": func(n int) conversation {
		return token(`,"x":[` + times("{"+numbered(`"m%04d":0`, 8000)+"},", n) + `0]`)
	},
	"answer: names with escapes": func(n int) conversation { return token(`,` + numbered(`"\n%d`+times("x", n/1000)+`":0`, n)) },
	"answer: long names":         func(n int) conversation { return token(`,"` + times("a", n/2) + `b":0,"` + times("a", n/2) + `c":0`) },
	"answer: white space":        func(n int) conversation { return token(times(" ", n)) },
	"answer: a long number":      func(n int) conversation { return token(`,"expires_in":1` + times("0", n)) },
	"answer: a long token":       func(n int) conversation { return token(`,"refresh_token":"` + times("r", n) + `"`) },
	"answer: a long scope":       func(n int) conversation { return token(`,"scope":"` + times("a ", n) + `a"`) },
	"answer: a form of names": func(n int) conversation {
		return conversation{answer: onHTTP("token", answered(`[["content-type","text/plain"]]`, times("a&", n)))}
	},
	"answer: a form of escapes": func(n int) conversation {
		return conversation{answer: onHTTP("token", answered(`[["content-type","text/plain"]]`, "access_token=a&token_type=bearer&x="+times("%0a", n)))}
	},
	"answer: headers": func(n int) conversation {
		return conversation{answer: onHTTP("token", answered(`[`+times(`["x-a","b"],`, n)+`["content-type","text/plain"]]`, "a"))}
	},
	"answer: an error that repeats a secret": func(n int) conversation {
		return conversation{config: `,"client_secret":"` + strings.Repeat("a", 999) + `b"`,
			answer: onHTTP("token", `"ok":{"status":400,"headers":[["content-type","application/json"]],"body":{"text":`+quoted(`{"error":"x","error_description":"`+times("a", n)+`"}`)+`}}`)}
	},
	"answer: an ID token of many values": func(n int) conversation {
		c := token(`,"id_token":"` + jwt(`{"x":[`+times("1,", n/2)+`1]}`) + `"`)
		c.config = openID
		return c
	},
	"answer: an ID token of many audiences": func(n int) conversation {
		c := token(`,"id_token":"` + jwt(`{"iss":"https://as.example","sub":"s","exp":1700000100,"iat":1700000000,"aud":[`+times(`"\u0041",`, n/2)+`"c"],"azp":"c"}`) + `"`)
		c.config = openID
		return c
	},
	"answer: an ID token of dots": func(n int) conversation {
		c := token(`,"id_token":"` + times(".", n) + `"`)
		c.config = openID
		return c
	},
	"answer: keys": func(n int) conversation {
		return conversation{config: openID, answer: onHTTP("jwks", page200(`{"keys":[`+numbered(`{"kty":"RSA","kid":"%d"}`, n)+`]}`))}
	},
	"answer: a small document of keys, and none fits": func(n int) conversation {
		c := token(`,"id_token":"` + jwt(`{"iss":"https://as.example","sub":"s","exp":1700000100,"iat":1700000000,"aud":"c"}`) + `"`)
		body := c.answer
		c.config = openID
		c.answer = func(effect heard) string {
			if effect.Stage == "jwks" {
				return page200(`{"keys":[` + times(`{"kty":"RSA","kid":"\n"},`, min(n, 40<<10)) + `{}]}`)
			}
			return body(effect)
		}
		return c
	},
	"answer: metadata": func(n int) conversation {
		return conversation{config: `,"discovery":true`, answer: onHTTP("discovery", page200(`{"issuer":"https://as.example","x":[`+times("1,", n)+`1]}`))}
	},
	"answer: userinfo": func(n int) conversation {
		return conversation{config: openID, session: session(), command: `"command":"userinfo"`, answer: onHTTP("userinfo", page200(`{"sub":"s","x":[`+times("1,", n)+`1]}`))}
	},
	"answer: e-mails": func(n int) conversation {
		return conversation{session: session(), command: `"command":"profile"`,
			config: `,"profile":{"endpoint":"https://as.example/me","emails_endpoint":"https://as.example/emails"}`,
			answer: func(effect heard) string {
				if strings.Contains(effect.raw, "https://as.example/me\"") {
					return page200(`{"sub":"s"}`)
				}
				if effect.Kind == "http" {
					return page200(`[` + times(`{"email":"\u0061@b","primary":true},`, n) + `{}]`)
				}
				return ""
			}}
	},
	"answer: a device": func(n int) conversation {
		return conversation{config: openID, command: `"command":"device_start"`,
			answer: onHTTP("device_authorization", page200(`{"device_code":"d","user_code":"u","verification_uri":"https://as.example/d","expires_in":600,"x":[`+times("1,", n)+`1]}`))}
	},
	"answer: introspection": func(n int) conversation {
		return conversation{config: openID, command: `"command":"introspect","token":"t"`, answer: onHTTP("introspection", page200(`{"active":true,"x":"`+times("\\u0041", n)+`"}`))}
	},
	"answer: parameters of a hook": func(n int) conversation {
		return conversation{config: `,"parameter_hooks":["authorization"]`, command: `"command":"authorize"`, answer: func(effect heard) string {
			if effect.Kind != "hook" {
				return ""
			}
			return `"ok":{"parameters":[` + times(`["state","x"],`, n) + `["a","b"]]}`
		}}
	},
	"answer: an attempt list from the store": func(n int) conversation {
		return conversation{command: `"command":"authorize"`, answer: loaded(".pending", `{"v":1,"attempts":[`+times(`{"state":"\u0061"},`, n)+`{}]}`)}
	},
	"answer: a session from the store": func(n int) conversation {
		return conversation{command: `"command":"status"`, answer: loaded(".session", storedSession(`,"extra":{"x":[`+times("1,", n)+`1]}`))}
	},
	"answer: metadata from the store": func(n int) conversation {
		return conversation{config: `,"discovery":true`, answer: loaded(".metadata", `{"v":1,"metadata":{"x":[`+times("1,", n)+`1]}}`)}
	},
	"answer: a version": func(n int) conversation {
		return conversation{answer: func(effect heard) string {
			if effect.Kind == "store" {
				return `"ok":{"x":[` + times("1,", n) + `1],"version":"7"}`
			}
			return ""
		}}
	},
	"answer: a failure with more": func(n int) conversation {
		return conversation{answer: onHTTP("token", `"failed":{"kind":"timeout","x":"`+times(`,`, n)+`"}`)}
	},
	"open: a session of many values": func(n int) conversation {
		return conversation{session: `"session":` + quoted(storedSession(`,"extra":{"x":[`+times("1,", n)+`1]}`)) + `,`, command: `"command":"status"`}
	},
	"open: a URL of variables": func(n int) conversation {
		return conversation{config: `,"variables":{"a":"` + strings.Repeat("b", 100) + `"},"userinfo_endpoint":"https://as.example/` + times("{a}", n/20) + `"`}
	},
	"open: token_destinations": func(n int) conversation {
		return conversation{config: `,"resource":[` + times(`"https://api.example/",`, n) + `"https://api.example/"]`, command: `"command":"authorize"`}
	},
	"open: algorithms": func(n int) conversation {
		return conversation{config: `,"id_token_signed_response_alg":[` + times(`"RS256",`, n) + `"ES256"]`}
	},
	"open: parameters": func(n int) conversation {
		return conversation{config: `,"parameters":[` + times(`["a","b"],`, n) + `["c","d"]]`, command: `"command":"authorize"`}
	},
	"open: metadata of the client": func(n int) conversation {
		return conversation{config: `,"client_metadata":{"x":[` + times("1,", n) + `1]}`, command: `"command":"status"`}
	},
	"command: members": func(n int) conversation {
		return conversation{command: `"command":"status",` + numbered(`"m%d":0`, min(n, 9000)) + `,"x":"` + times(",", n) + `"`}
	},
	"command: no JSON": func(n int) conversation { return conversation{command: `"command":"status"` + times(",", n)} },
	"command: a callback of parameters": func(n int) conversation {
		return conversation{command: `"command":"callback","url":"https://client.example/cb?` + times("a&", n) + `"`}
	},
	"command: a callback of states": func(n int) conversation {
		return conversation{command: `"command":"callback","parameters":[` + times(`["state","a"],`, n) + `["code","x"]]`}
	},
	"command: a pasted answer": func(n int) conversation {
		return conversation{command: `"command":"callback","pasted":"` + times("code=", n) + `","state":"s"`}
	},
	"command: a scope": func(n int) conversation {
		return conversation{command: `"command":"authorize","scope":"` + times("a ", n) + `b"`}
	},
	"command: parameters": func(n int) conversation {
		return conversation{command: `"command":"authorize","parameters":[` + times(`["a","b"],`, n) + `["c","d"]]`}
	},
	"command: headers of an answer": func(n int) conversation {
		return conversation{command: `"command":"answered","status":401,"url":"https://api.example/","headers":[` + times(`["www-authenticate","a b=c,d e=f"],`, n) + `["a","b"]]`}
	},
	"command: a challenge": func(n int) conversation {
		return conversation{command: `"command":"answered","status":401,"url":"https://api.example/","headers":[["www-authenticate","` + times("a,b=c,", n) + `"]]`}
	},
	"command: a logout token": func(n int) conversation {
		return conversation{config: openID, command: `"command":"logout_token","logout_token":"` + jwt(`{"x":[`+times("1,", n/2)+`1]}`) + `"`}
	},
	"command: a logout token of commas": func(n int) conversation {
		return conversation{config: openID, command: `"command":"logout_token","logout_token":"` + times(",", n) + `"`}
	},
	"command: a token": func(n int) conversation {
		return conversation{command: `"command":"set_token","token":{"access_token":"a","token_type":"Bearer","x":[` + times("1,", n) + `1]}`}
	},
	"command: an effect to perform": func(n int) conversation {
		return conversation{kind: "contract", command: `"command":"perform","effect":{"kind":"load","key":"` + times(`\n`, n) + `"}`}
	},
}

func storedSession(more string) string {
	return `{"v":1,"for":"` + hostileMine + `","access_token":"a","token_type":"Bearer"` + more + `}`
}

// hostileMine is the fingerprint of hostileConfig's issuer and client id.
var hostileMine = func() string {
	d := sha256.Sum256([]byte("https://as.example\nc"))
	return base64.RawURLEncoding.EncodeToString(d[:])[:22]
}()

func session() string { return `"session":` + quoted(storedSession("")) + `,` }

// loaded answers the load of a key that ends with suffix.
func loaded(suffix, value string) func(heard) string {
	value = strings.Replace(value, `{"v":1,`, `{"v":1,"for":"`+hostileMine+`",`, 1)
	value = strings.Replace(value, `"for":"`+hostileMine+`","for":"`+hostileMine+`"`, `"for":"`+hostileMine+`"`, 1)
	return func(effect heard) string {
		if effect.Kind == "load" && strings.HasSuffix(effect.Key, suffix) {
			return `"ok":{"value":` + quoted(value) + `,"version":"1"}`
		}
		return ""
	}
}

// afterwards returns the least work of five commands that do nothing: one of them may include a
// garbage collection, and before and after that the allocator searches for free memory.
func (m meter) afterwards(handle int32, entropy *int) int64 {
	if handle <= 0 {
		return 0
	}
	least := int64(1) << 60
	for range 5 {
		began := m.work()
		conversation{command: `"command":"status"`}.rounds(m.t, m.Engine, handle, entropy)
		least = min(least, m.work()-began)
	}
	return least
}

// TestHostileWork (S10): work and memory are proportional to the length of an input, whatever it
// contains, and what remains of it costs the next command nothing.
func TestHostileWork(t *testing.T) {
	const (
		least = 32 << 10
		// perByte is what a byte may cost: it is read in the message, in the body, in the stored
		// text, and by the garbage collector.
		perByte = 100
		after   = 10_000
	)
	for name, at := range hostile {
		t.Run(name, func(t *testing.T) {
			var work, memory, rest [4]int64
			for i := range work {
				m := newMeter(t)
				entropy := 0
				before, had := m.work(), m.memory()
				handle, last, code := at(least<<i).talk(t, m.Engine, &entropy)
				if handle > 0 && m.Lost(handle) != nil {
					t.Fatalf("%d KiB: %v", least>>10<<i, m.Lost(handle))
				}
				work[i], memory[i] = m.work()-before, m.memory()-had
				rest[i] = m.afterwards(handle, &entropy)
				if i == len(work)-1 {
					t.Log("ended with", code, last.Error, last.Kind)
				}
			}
			t.Log("work", work, "memory", memory, "then", rest)
			last := len(work) - 1
			if work[last] > work[0]<<last*2 || work[last] > perByte*(least<<last) {
				t.Errorf("work %v: it grows faster than the input, or is more than %d a byte", work, perByte)
			}
			if room, _ := core.Room(least << last); memory[last] > 4*int64(room) {
				t.Errorf("memory %v, where a message of that length may take %d", memory, room)
			}
			if rest[last] > after {
				t.Errorf("the next command has work %v", rest)
			}
		})
	}
}

// TestHostileCrowd (S11): sessions that share an instance get the worst answers one after the
// other: no session is lost, the last one gets the same results as the first one, and all continue.
func TestHostileCrowd(t *testing.T) {
	const sessions, size = 32, 200 << 10
	for name, at := range hostile {
		if strings.HasPrefix(name, "open") {
			continue // a refused one has no session, and the others are the application's own
		}
		t.Run(name, func(t *testing.T) {
			e, err := New(t.Context(), EngineOptions{MemoryLimit: 8 << 20})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Shutdown()
			entropy := 0
			var handles []int32
			for range sessions {
				c := at(1)
				h := e.Open([]byte(head(&entropy) + `"kind":"` + c.sort() + `",` + c.session + `"config":{` + hostileConfig + c.config + `}}`))
				if h <= 0 {
					t.Fatalf("open: %s", e.Effect(0))
				}
				handles = append(handles, h)
			}
			var first string
			for i, h := range handles {
				last, code := at(size).rounds(t, e, h, &entropy)
				if e.Lost(h) != nil {
					t.Fatalf("session %d: %v", i, e.Lost(h))
				}
				if got := fmt.Sprint(code, last.Kind, last.Error != nil && last.Error.Code != ""); i == 0 {
					first = got
				} else if got != first {
					t.Fatalf("session %d: %s %+v, the first: %s", i, got, last.Error, first)
				}
			}
			for i, h := range handles {
				if last, code := (conversation{command: `"command":"status"`}).rounds(t, e, h, &entropy); code != 0 || last.Kind != "result" {
					t.Fatalf("session %d afterwards: code %d, %+v, %v", i, code, last, e.Lost(h))
				}
			}
		})
	}
}
