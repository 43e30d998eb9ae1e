package record

import "strings"

// Slug makes a file name of a scenario's: lower case, with "-" between the words. A word begins at
// a capital behind a small letter or a digit, and at the last capital of a run of them
// (RedirectURIWithQuery, SeesAMark).
func Slug(name string) string {
	name = strings.ReplaceAll(name, "DPoP", "Dpop") // one word, whatever its capitals say
	in := func(i int, from, to byte) bool { return i >= 0 && i < len(name) && name[i] >= from && name[i] <= to }
	var b strings.Builder
	dash := func() {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	for i, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if in(i-1, 'a', 'z') || in(i-1, '0', '9') || in(i-1, 'A', 'Z') && in(i+1, 'a', 'z') {
				dash()
			}
			b.WriteRune(r | 0x20)
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			dash()
		}
	}
	return strings.Trim(b.String(), "-")
}
