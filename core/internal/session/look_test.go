package session

import (
	"fmt"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// TestChangeOfTheSameUser: a second sign-in is a change of account only if the ID tokens name
// different users (E23).
func TestChangeOfTheSameUser(t *testing.T) {
	for _, row := range []struct{ first, second, want string }{
		{"a", "a", "signed_in"}, {"a", "b", "other_account"}, {"", "", "other_account"}, {"a", "", "other_account"}, {"", "a", "other_account"},
	} {
		c := &Session{link: &link.Link{}, Status: granted, Tokens: &Tokens{Access: "2", grant: "2"}}
		had := &Tokens{Access: "1", grant: "1"}
		for text, tok := range map[*Tokens]string{had: row.first, c.Tokens: row.second} {
			if tok != "" {
				text.Claims, _ = json.Parse(fmt.Sprintf(`{"sub":%q}`, tok))
			}
		}
		c.tellChange(had, granted)
		event, _ := json.Parse(string(c.link.Next()))
		if got := event.Get("change").Str(); got != row.want {
			t.Errorf("%q then %q: %s, want %s", row.first, row.second, got, row.want)
		}
	}
}
