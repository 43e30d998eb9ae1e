package authserver

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"
)

// bodyTime is how long the body of a request may take to arrive.
const bodyTime = 10 * time.Second

// ServeHTTP answers a request by [Server.Handle]. It reads a body only if the endpoint accepts one,
// for ten seconds at most. A body over 64 KiB is refused with 413; the limit is 16 KiB if the
// server stores what the body contains.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body []byte
	if e, ok := s.endpoints[r.URL.Path]; ok && r.Method == http.MethodPost {
		var err error
		if body, err = readBody(w, r, e.maxBody()); err != nil {
			status := http.StatusBadRequest
			if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, http.StatusText(status), status)
			return
		}
	}
	resp := s.Handle(Request{Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header, Body: body,
		CertificateThumbprint: CertificateThumbprint(r), Source: remoteAddress(r, s.cfg.TrustedProxies), Now: s.cfg.Now()})
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.Status)
	w.Write(resp.Body) // an error here means that the peer has gone
}

func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	connection := http.NewResponseController(w)
	// A writer without deadlines relies on those of its own server.
	_ = connection.SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	_ = connection.SetReadDeadline(time.Time{})
	return body, err
}

// CertificateThumbprint returns the value for [Request.CertificateThumbprint] of a request to
// net/http. Go's TLS server checks that the client has the key of the certificate, whoever issued
// it.
func CertificateThumbprint(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
