// Package words reads texts: lists of words that are separated by spaces, and the characters that
// the RFCs allow.
package words

import "unicode/utf8"

// Cut removes the first word from a list of words that are separated by spaces.
func Cut(list string) (word, rest string) {
	if i := Index(list, ' '); i >= 0 {
		return list[:i], list[i+1:]
	}
	return list, ""
}

// Nth is the position of a word in a list of words that are separated by spaces, -1 if it is
// missing.
func Nth(list, word string) int {
	for n := 0; ; n++ {
		var first string
		if first, list = Cut(list); first == word {
			return n
		}
		if list == "" {
			return -1
		}
	}
}

// Has reports whether the list contains the scope-token.
func Has(list, token string) bool { return Nth(list, token) >= 0 }

// Index is the position of the first c, -1 if there is none.
func Index(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// Prefixed reports whether s begins with prefix.
func Prefixed(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

// Lower converts ASCII capitals to small letters.
func Lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for j, c := range b {
				if c >= 'A' && c <= 'Z' {
					b[j] = c | 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// Contains reports whether s contains part.
func Contains(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

// Printable keeps what RFC 6749 appendix A.7 and A.8 allow, and letters of other scripts. A
// server's text can then not imitate anything else in a log: no control characters, no line
// separators, nothing that changes the direction of writing.
func Printable(s string, most int) string {
	b := make([]byte, 0, min(len(s), most))
	for _, r := range s {
		if len(b)+utf8.RuneLen(r) > most {
			break
		}
		if r >= 0x20 && r <= 0x7E && r != '"' && r != '\\' || r >= 0xA0 && !formatting(r) {
			b = utf8.AppendRune(b, r)
		}
	}
	return string(b)
}

// formatting reports whether a character is invisible and changes how others look (Unicode category
// Cf, and the separators), or stands for no character.
func formatting(r rune) bool {
	return r == 0xAD || r == 0x61C || r >= 0x200B && r <= 0x200F || r >= 0x2028 && r <= 0x202E || r >= 0x2060 && r <= 0x206F || r >= 0xFE00 && r <= 0xFE0F || r == 0xFEFF || r >= 0xFFF0 && r <= 0xFFFF || r >= 0xE0000
}

// ASCII keeps the characters of a scope that RFC 6749 section 3.3 allows.
func ASCII(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; c >= 0x20 && c <= 0x7E && c != '"' && c != '\\' {
			b = append(b, c)
		}
	}
	return string(b)
}

// MaxKept is the longest scope or redirect URI, because attempts are stored with them.
const MaxKept = 8 << 10

// VSChars reports whether all characters are visible or a space: RFC 6749 appendix A, VSCHAR.
func VSChars(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7E {
			return false
		}
	}
	return true
}

// ScopeOK reports whether s is a scope: RFC 6749 section 3.3, scope-tokens separated by one space.
// An empty text is not a scope.
func ScopeOK(s string) bool {
	if len(s) > MaxKept {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c > 0x7E || c == '"' || c == '\\' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// HostChars reports whether a variable can only be a label of a host or a segment of a path.
func HostChars(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' && i > 0 && s[i-1] != '.') {
			return false
		}
	}
	return s != ""
}

// Trim removes white space at both ends.
func Trim(s string) string {
	for len(s) > 0 && s[0] <= ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// Suffixed reports whether s ends with suffix.
func Suffixed(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

// Among reports whether a list contains a text.
func Among(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// HexDigit is the value of a hexadecimal digit, -1 for anything else.
func HexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
