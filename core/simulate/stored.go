package simulate

import (
	"encoding/json"
	"strings"
)

const sessionKey = "oauth2.session"

// store is what the parties share: compare-and-set with versions that never come back, as the
// contract asks.
type store struct {
	entries  map[string]entry
	last     int64
	downTill int64
	// replaced is when a sign-in or the end of a session was written last.
	replaced int64
}

type entry struct {
	value, version string
	marker         int // the id of who set the mark that the value holds
}

// saved is what a session's text says.
type saved struct {
	Access     string `json:"access_token"`
	Kind       string `json:"token_type"`
	Key        string `json:"dpop_key"`
	Refresh    string `json:"refresh_token"`
	ExpiresAt  int64  `json:"expires_at"`
	SentAt     int64  `json:"sent_at"`
	TriedAt    int64  `json:"tried_at"`
	TriedBy    string `json:"tried_by"`
	Generation int64  `json:"generation"`
}

func readSaved(text string) (s saved) {
	if text != "" {
		json.Unmarshal([]byte(text), &s) // what is no session says nothing
	}
	return s
}

// shortKey is a key without the fingerprint in it, which all parties have in common; "older." is
// where an older version would have kept the same.
func shortKey(key string) string {
	parts := strings.Split(key, ".")
	if len(parts) == 3 {
		return parts[0] + "." + parts[2]
	}
	return "older." + key
}

func newStore() *store { return &store{entries: map[string]entry{}} }

// names are the keys that a stored text names: session, device flow or attempts.
func namesIn(text string) (names []string) {
	var v struct {
		Key      string `json:"dpop_key"`
		Device   string
		Attempts []struct {
			Key string `json:"dpop_key"`
		}
	}
	if text == "" || json.Unmarshal([]byte(text), &v) != nil {
		return nil
	}
	if v.Key != "" {
		names = append(names, v.Key)
	}
	for _, a := range v.Attempts {
		if a.Key != "" {
			names = append(names, a.Key)
		}
	}
	if v.Device != "" {
		names = append(names, namesIn(v.Device)...) // in what export gives
	}
	return names
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string
	return string(b)
}
