package authserver

import (
	"encoding/json"
	"net/http"
)

// Response is what to answer with.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// newHeader returns what every response carries. Everything the server says belongs to one caller
// or one moment, so nothing is stored (RFC 6749 section 5.1).
func newHeader(contentType string) http.Header {
	h := http.Header{
		"Cache-Control":          {"no-store"},
		"Pragma":                 {"no-cache"},
		"X-Content-Type-Options": {"nosniff"},
	}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return h
}

// jsonResponse answers with v, which holds nothing that json.Marshal refuses.
func jsonResponse(status int, v any) Response {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return Response{Status: status, Header: newHeader("application/json"), Body: body}
}
