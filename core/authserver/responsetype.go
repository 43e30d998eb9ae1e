package authserver

import (
	"slices"
	"strings"
)

// Words of the response types that the server supports.
const (
	ResponseTypeCode    = "code"
	ResponseTypeToken   = "token"
	ResponseTypeIDToken = "id_token"
	ResponseTypeNone    = "none"
)

// responseTypes are those that the server supports (RFC 6749 section 3.1.1, OAuth 2.0 Multiple
// Response Type Encoding Practices). The order of the words does not matter; here they are sorted.
var responseTypes = []string{
	ResponseTypeCode, ResponseTypeToken, ResponseTypeIDToken, ResponseTypeNone, "code id_token", "code token", "id_token token", "code id_token token",
}

func sortedResponseType(responseType string) string {
	words := strings.Fields(responseType)
	slices.Sort(words)
	return strings.Join(words, " ")
}
