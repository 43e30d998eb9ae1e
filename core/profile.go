package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// whoIs returns the user's identity at the provider. An e-mail address counts as verified only if
// the provider says so.
func (c *client) whoIs(cmd *command, _ json.Value) {
	url := c.config.Profile.Endpoint
	if url == "" {
		url = c.config.UserinfoEndpoint
	}
	c.fetch(cmd, url, func(v json.Value) {
		id := v.At(c.config.Profile.ID)
		text := id.Str()
		if id.Kind() == json.Number {
			text = id.Raw()
		}
		if text == "" {
			c.desk.fail(cmd, &link.Fault{Kind: link.KindServer, Code: "bad_profile", Field: c.config.Profile.ID})
			return
		}
		email, verified := v.At(c.config.Profile.Email).Str(), everyTruth(v, c.config.Profile.Verification)
		if c.config.Profile.Emails == "" || email != "" && verified {
			c.finishProfile(cmd, text, email, verified)
			return
		}
		c.fetch(cmd, c.config.Profile.Emails, func(v json.Value) {
			email, verified := pickEmail(v, email)
			c.finishProfile(cmd, text, email, verified)
		})
	})
}

// pickEmail finds the address in a list. If email is empty, it returns the primary address, or else
// a verified one.
func pickEmail(list json.Value, email string) (string, bool) {
	best, found, verified := int64(0), email, false
	if list.Kind() != json.Array {
		return found, false
	}
	for it := list.Each(); it.Next(); {
		e := it.Value()
		rank, ok := int64(1), truth(e.Get("verified"))
		if ok {
			rank = 2
		}
		if truth(e.Get("primary")) {
			rank += 2
		}
		if s := e.Get("email").Str(); s != "" && (email == "" || s == email) && rank > best {
			best, found, verified = rank, s, ok
		}
	}
	return found, verified
}

func (c *client) finishProfile(cmd *command, id, email string, verified bool) {
	c.desk.finish(cmd, func(w *json.Writer) {
		w.MemberStr("issuer", c.config.Issuer)
		w.MemberStr("id", id)
		w.MemberStrIf("email", email)
		w.MemberBool("email_verified", verified && email != "")
	})
}

// everyTruth follows paths that are separated by spaces. All of them must be true.
func everyTruth(v json.Value, paths string) bool {
	for {
		i := words.Index(paths, ' ')
		if i < 0 {
			return truth(v.At(paths))
		}
		if !truth(v.At(paths[:i])) {
			return false
		}
		paths = paths[i+1:]
	}
}

// truth: some providers use a string.
func truth(v json.Value) bool { return v.True() || v.Str() == "true" }
