package authserver

import (
	"encoding/json"
	"net/http"
)

// Response is the answer to a request.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// newHeader returns the headers of every response. Every answer is for one caller or one moment, so
// nothing may be cached (RFC 6749 section 5.1).
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

// jsonResponse answers with v, which json.Marshal always accepts.
func jsonResponse(status int, v any) Response {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return Response{Status: status, Header: newHeader("application/json"), Body: body}
}
