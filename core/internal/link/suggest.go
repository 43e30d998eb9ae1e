package link

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/words"

// otherNames are names of other libraries, each followed by our name for the same thing.
const otherNames = "authority issuer domain issuer callback redirect_uri auth authorization_endpoint authorize authorization_endpoint secret client_secret audience resource wellknown metadata_url clientidissuedat registration clientsecretexpiresat registration granttype registration"

// longestName is the longest name for which a suggestion is looked for.
const longestName = 64

// Suggest is the name that came probably means, or "": one that differs only by case, "_", "-" or
// an ending that other libraries use, or by one or two letters.
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

// BareName is the distinctive part of a name.
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

// distance is how many letters must be inserted, deleted or changed to turn a into b (Levenshtein).
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
