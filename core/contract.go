//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A performer asks the host for the effects that the host itself requested, so that tests of a host
// use its normal code from effect to answer.
type performer struct {
	link      *link.Link
	performed [][2]int64 // command, effect
}

func openContract(l *link.Link) *link.Fault {
	p := &performer{link: l}
	l.Command = p.perform
	return nil
}

func (p *performer) effectOf(id int64) (n int64) {
	for _, done := range p.performed {
		if done[0] == id {
			n = done[1]
		}
	}
	return n
}

func (p *performer) perform(id int64, name string, in json.Value) {
	effect := in.Get("effect")
	kind := effect.Get("kind").Str()
	if name != "perform" || kind == "" || kind == "result" {
		p.link.Result(id, &link.Fault{Kind: link.KindClient, Code: "unknown_command", Op: name}, nil)
		return
	}
	if alg := effect.Get("alg").Str(); kind == "verify" && words.Has(jose.Algorithms, alg) && !jose.Verifiable(alg, effect.Get("jwk"), effect.Get("signature").Str()) {
		p.link.Result(id, nil, func(w *json.Writer) { w.MemberRaw("answer", `{"ok":{"valid":false}}`) })
		return
	}
	w := p.link.Effect(kind)
	for it := effect.Each(); it.Next(); {
		switch name := it.Name(); name {
		case "id", "kind":
		case "command":
			n, _ := it.Value().Int()
			w.MemberStr("target", p.link.ID(p.effectOf(n)))
			p.link.Drop(p.effectOf(n))
		default:
			w.Name(name)
			w.Raw(it.Value().Raw())
		}
	}
	switch kind {
	case "http-cancel", "timer-cancel", "unlock", "remember", "event":
		p.link.Emit(w)
		p.link.Result(id, nil, nil)
	default:
		n := p.link.Ask(w, func(ok json.Value, failed string) {
			p.link.Result(id, nil, func(w *json.Writer) { writeAnswer(w, ok, failed) })
		})
		p.performed = append(p.performed, [2]int64{id, n})
	}
}

func writeAnswer(w *json.Writer, ok json.Value, failed string) {
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
}
