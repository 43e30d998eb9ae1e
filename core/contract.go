//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// openContract makes a session that hands out the effects it is told to, so that a host's hands are tested by its own way from effect to answer.
func openContract(l *link.Link) *link.Fault {
	var performed [][2]int64 // command, effect
	effectOf := func(id int64) (n int64) {
		for _, p := range performed {
			if p[0] == id {
				n = p[1]
			}
		}
		return n
	}
	l.Command = func(id int64, name string, in json.Value) {
		effect := in.Get("effect")
		kind := effect.Get("kind").Str()
		if name != "perform" || kind == "" || kind == "result" {
			l.Result(id, &link.Fault{Kind: link.KindClient, Code: "unknown_command", Op: name}, nil)
			return
		}
		if alg := effect.Get("alg").Str(); kind == "verify" && words.Has(jose.Algorithms, alg) && !jose.Verifiable(alg, effect.Get("jwk"), effect.Get("signature").Str()) {
			l.Result(id, nil, func(w *json.Writer) { w.MemberRaw("answer", `{"ok":{"valid":false}}`) })
			return
		}
		w := l.Effect(kind)
		for it := effect.Each(); it.Next(); {
			switch name := it.Name(); name {
			case "id", "kind":
			case "command":
				n, _ := it.Value().Int()
				w.MemberStr("target", l.ID(effectOf(n)))
				l.Drop(effectOf(n))
			default:
				w.Name(name)
				w.Raw(it.Value().Raw())
			}
		}
		switch kind {
		case "http-cancel", "timer-cancel", "unlock", "remember", "event":
			l.Emit(w)
			l.Result(id, nil, nil)
		default:
			n := l.Ask(w, func(ok json.Value, failed string) {
				l.Result(id, nil, func(w *json.Writer) {
					w.Key("answer")
					w.Open('{')
					if failed != "" {
						w.Key("failed")
						w.Open('{')
						w.MemberStr("kind", failed)
						w.Close('}')
					} else {
						w.MemberRaw("ok", ok.Raw())
					}
					w.Close('}')
				})
			})
			performed = append(performed, [2]int64{id, n})
		}
	}
	return nil
}
