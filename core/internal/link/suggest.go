package link

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// otherNames are names that other clients have, each with ours for the same behind it.
const otherNames = "authority issuer domain issuer callback redirect_uri auth authorization_endpoint authorize authorization_endpoint secret client_secret audience resource wellknown metadata_url clientidissuedat registration clientsecretexpiresat registration granttype registration"

// longestName is how long a name may be for which another is looked for.
const longestName = 64

// Suggest is the one of the names that came probably stands for, "" for none: the same but for
// case, "_" and "-" and the words at the end in which clients differ, or one or two letters away.
func Suggest(names, came string) string {
	if len(came) > longestName {
		return ""
	}
	came = BareName(came)
	for left := otherNames; left != ""; {
		var other, ours string
		other, left = words.Cut(left)
		ours, left = words.Cut(left)
		if came == other && words.Has(names, ours) {
			return ours
		}
	}
	best, least := "", min(2, len(came)/3)+1
	for names != "" {
		var name string
		name, names = words.Cut(names)
		if d := distance(BareName(name), came); d < least {
			best, least = name, d
		}
	}
	return best
}

// BareName is what of a name tells it from others.
func BareName(s string) string {
	b := make([]byte, 0, longestName)
	for _, c := range []byte(words.Lower(s)) {
		if c != '_' && c != '-' {
			b = append(b, c)
		}
	}
	for _, end := range [...]string{"s", "uri", "url", "endpoint"} {
		if n := len(b) - len(end); n > 0 && string(b[n:]) == end {
			b = b[:n]
		}
	}
	return string(b)
}

// distance is how many letters have to be put in, left out or changed to make b of a (Levenshtein).
func distance(a, b string) int {
	var row [longestName + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := before
			if a[i] != b[j] {
				d = 1 + min(before, row[j], row[j+1])
			}
			before, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
