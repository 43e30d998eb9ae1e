package simulate

import (
	"encoding/json"
	"strings"
)

const sessionKey = "oauth2.session"

// store is shared by the parties. It has compare-and-set with versions that are never used again,
// as the contract requires.
type store struct {
	entries  map[string]entry
	last     int64
	downTill int64
	// replaced is when a sign-in, or the end of a session, was last written.
	replaced int64
}

type entry struct {
	value, version string
	marker         int // the id of the party that set the mark in the value
}

// saved is the content of a session's text.
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
		json.Unmarshal([]byte(text), &s) // a text that is not a session leaves it empty
	}
	return s
}

// shortKey is a key without its fingerprint, which is the same for all parties. "older." is the
// prefix under which an older version would have stored the same.
func shortKey(key string) string {
	parts := strings.Split(key, ".")
	if len(parts) == 3 {
		return parts[0] + "." + parts[2]
	}
	return "older." + key
}

func newStore() *store { return &store{entries: map[string]entry{}} }

// namesIn returns the keys that a stored text names, of a session, a device flow or attempts.
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
		names = append(names, namesIn(v.Device)...) // in an export
	}
	return names
}

func quote(s string) string {
	b, _ := json.Marshal(s) // it is a string
	return string(b)
}
