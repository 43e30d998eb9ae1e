package oauth

import "testing"

// TestNothingIsHeldThatIsOver (E121): an answer is not cached if something happened between the
// answer and the moment when it was read.
func TestNothingIsHeldThatIsOver(t *testing.T) {
	for name, row := range map[string]struct {
		between func(h *held)
		want    bool
	}{
		"nothing":   {func(*held) {}, true},
		"an event":  {func(h *held) { h.drop() }, false},
		"two times": {func(h *held) { h.drop(); h.drop() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var h held
			m := h.moment(1000)
			row.between(&h)
			(&heldToken{Token: Token{AccessToken: "a"}, goodUntil: 2000}).keep(&h, m)
			(&prepared{request{"GET", "u"}, []pair{{"authorization", "a"}}, 2000}).keep(&h, m)
			_, token := h.token(TokenParams{}, 1500)
			_, headers := h.prepared(request{"GET", "u"}, 1500)
			if token != row.want || headers != row.want {
				t.Errorf("token %t, headers %t", token, headers)
			}
		})
	}
	var h held
	for n := range 3 * maxHeld {
		(&prepared{request{"GET", string(rune('a' + n))}, []pair{{}}, 2000}).keep(&h, h.moment(1000))
	}
	if n := len(h.answers.Load().prepared); n < 1 || n > maxHeld {
		t.Errorf("headers for %d requests are held", n)
	}
}
