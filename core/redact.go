package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	// leastSecret is the least length of a text whose repetition gives anything away: a shorter one
	// may stand in any word.
	leastSecret = 6
	// knownBy is the part at its beginning by which a secret is known in a text: all of a long one,
	// looked for at each place of a long text, would be work of their product.
	knownBy = 48
)

// redact drops a text of the server's that repeats what we hold secret.
func (c *client) redact(f *link.Fault, more ...string) {
	for _, secret := range append(more, c.clientSecret, c.lastAssertion, c.tokens.access, c.tokens.refresh, c.tokens.idToken) {
		for _, text := range [...]*string{&f.Err, &f.Descr, &f.Link, &f.Came} {
			if len(secret) >= leastSecret && words.Contains(*text, secret[:min(len(secret), knownBy)]) {
				*text = "(redacted)"
			}
		}
	}
}
