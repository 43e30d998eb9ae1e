package backend

import (
	"context"
	"encoding/json"
	"time"

	corejson "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/headers"
)

// What passes between the engine and an exchange is read and written without reflection, which
// would be a sixth of what a request costs here.

// answer is a respond effect.
type answer struct {
	Status  int
	Headers [][2]string
	Body    body
	standing
}

// textsOf reads members of an effect that are texts.
func textsOf(effect json.RawMessage, names string, texts ...*string) (in corejson.Value, ok bool) {
	in, ok = corejson.Parse(string(effect))
	in.Texts(names, texts)
	return in, ok
}

// object is the text of an object with one member, a text.
func object(name, text string) door.Object {
	w := corejson.NewWriter()
	w.Grow(len(text) + 64)
	w.Open('{')
	w.MemberStr(name, text)
	w.Close('}')
	return w.Bytes()
}

// done is the text of an object without members.
func done() door.Object { return door.Object("{}") }

func bodyOf(in corejson.Value) (b body) {
	for it := in.Each(); it.Next(); {
		text := it.Value().Str()
		switch it.Name() {
		case "text":
			b.Text = &text
		case "base64":
			b.Base64 = &text
		case "ref":
			b.Ref = &text
		}
	}
	return b
}

func answerOf(effect json.RawMessage) (a answer, ok bool) {
	in, ok := textsOf(effect, "keep", &a.Keep)
	status, _ := in.Get("status").Int()
	a.Status, a.Headers, a.Body = int(status), headers.Read(in.Get("headers")), bodyOf(in.Get("body"))
	a.AgainMS, _ = in.Get("again_ms").Int()
	a.OverMS, _ = in.Get("over_ms").Int()
	return a, ok
}

// hands are those of whatever request the session serves.
func (s *seat) hands(opts Options) (hands, quick map[string]door.Hand) {
	hands = map[string]door.Hand{
		"proxy": func(_ context.Context, effect json.RawMessage) (any, string) { return s.exchange.proxy(effect) },
		"body":  func(_ context.Context, effect json.RawMessage) (any, string) { return s.exchange.read(effect) },
	}
	quick = map[string]door.Hand{
		"respond": func(_ context.Context, effect json.RawMessage) (any, string) {
			a, ok := answerOf(effect)
			if !ok {
				return nil, "internal"
			}
			select {
			case s.exchange.answers <- a:
				return done(), ""
			default: // there is one answer to a request
				return nil, "internal"
			}
		},
		"seal": func(_ context.Context, effect json.RawMessage) (any, string) {
			var text, context string
			if _, ok := textsOf(effect, "text context", &text, &context); !ok {
				return nil, "internal"
			}
			return object("sealed", opts.Ring.Seal(text, context)), ""
		},
		"unseal": func(_ context.Context, effect json.RawMessage) (any, string) {
			var sealed, context string
			if _, ok := textsOf(effect, "sealed context", &sealed, &context); !ok {
				return nil, "internal"
			}
			text, err := opts.Ring.Unseal(sealed, context)
			if err != nil {
				return nil, "tampered"
			}
			return object("text", text), ""
		},
		"recall": func(_ context.Context, effect json.RawMessage) (any, string) {
			var key string
			if _, ok := textsOf(effect, "key", &key); !ok {
				return nil, "internal"
			}
			if text, there := opts.Memory.Recall(key); there {
				return object("text", text), ""
			}
			return done(), ""
		},
		"remember": func(_ context.Context, effect json.RawMessage) (any, string) {
			var key, text string
			in, ok := textsOf(effect, "key text", &key, &text)
			if !ok {
				return nil, "internal"
			}
			until, _ := in.Get("expires_at").Int()
			opts.Memory.Remember(key, text, time.UnixMilli(until))
			return done(), ""
		},
	}
	return hands, quick
}
