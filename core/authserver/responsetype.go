package authserver

import (
	"slices"
	"strings"
)

// Response types the server knows, by the word.
const (
	ResponseTypeCode    = "code"
	ResponseTypeToken   = "token"
	ResponseTypeIDToken = "id_token"
	ResponseTypeNone    = "none"
)

// responseTypes are those the server knows (RFC 6749 section 3.1.1, OAuth 2.0 Multiple Response
// Type Encoding Practices). The order of the words of one is of no account; here they are sorted.
var responseTypes = []string{
	ResponseTypeCode, ResponseTypeToken, ResponseTypeIDToken, ResponseTypeNone, "code id_token", "code token", "id_token token", "code id_token token",
}

func sortedResponseType(responseType string) string {
	words := strings.Fields(responseType)
	slices.Sort(words)
	return strings.Join(words, " ")
}
