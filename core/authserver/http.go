package authserver

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
)

// maxBody is the most a request body may have, in bytes.
const maxBody = 64 << 10

// ServeHTTP answers a request by [Server.Handle]. A body over 64 KiB is refused with 413.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		status := http.StatusBadRequest
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	resp := s.Handle(Request{Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header, Body: body,
		CertificateThumbprint: CertificateThumbprint(r), Now: s.cfg.Now()})
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.Status)
	w.Write(resp.Body) // an error here is the peer's going away
}

// CertificateThumbprint is what [Request.CertificateThumbprint] wants, of a request to net/http. Go's TLS server checks that the client has
// the key of the certificate, whether or not it knows who issued it.
func CertificateThumbprint(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
