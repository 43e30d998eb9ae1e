package core

// cutWord takes the first word off a list with a space between the words.
func cutWord(list string) (word, rest string) {
	if i := index(list, ' '); i >= 0 {
		return list[:i], list[i+1:]
	}
	return list, ""
}

// nth is the place of a word in a list with a space between the words, -1 where it is not there.
func nth(list, word string) int {
	for n := 0; ; n++ {
		var first string
		if first, list = cutWord(list); first == word {
			return n
		}
		if list == "" {
			return -1
		}
	}
}

// hasScope tells whether the list holds the scope-token.
func hasScope(list, token string) bool { return nth(list, token) >= 0 }

func index(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c {
			return i
		}
	}
	return -1
}

func prefixed(s, prefix string) bool { return len(s) >= len(prefix) && s[:len(prefix)] == prefix }

func lower(s string) string {
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
