package authserver

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A document is cached for as long as its server says, within these bounds. If the server says
// nothing, the standard time applies (draft-ietf-oauth-client-id-metadata-document section 4.4).
// The least time is enough for a sign-in.
const (
	minDocumentLife      = time.Minute
	standardDocumentLife = 10 * time.Minute
	maxDocumentLife      = 24 * time.Hour
)

// documentWindow is the time in which reads of documents are counted.
const documentWindow = 10 * time.Minute

// document returns the document at the address. It uses one that was read after since, or reads it
// now. read checks the body, which has at most most bytes.
func (s *Server) document(c *call, uri string, since time.Time, most int, read func(body []byte) (document, error)) (document, error) {
	kept, r, mine, err := s.documents.find(uri, c.Now, since, func() error { return s.admitReading(c, uri) })
	if r == nil {
		return kept, err
	}
	if !mine {
		<-r.done
		return r.document, r.err
	}
	defer s.documents.end(uri, documentHost(uri), r)
	d, until, err := s.fetch(c, uri, most, read)
	if err == nil {
		d.uri, d.readAt, d.until = uri, c.Now, until
	}
	r.document, r.err = d, err
	return d, err
}

// admitReading counts a read against the document's host, so that nobody can flood a host through
// this server, and against the address of the request.
func (s *Server) admitReading(c *call, uri string) error {
	return s.limiter.admit(c, countDocument, "host\x00"+documentHost(uri), s.cfg.Limits.ClientDocuments, 1, documentWindow)
}

// fetch reads the document.
func (s *Server) fetch(c *call, uri string, most int, read func([]byte) (document, error)) (d document, until time.Time, err error) {
	resp, err := s.cfg.ClientDocuments(uri)
	mediaType, _, typeErr := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case errors.Is(err, errNotPublic):
		return document{}, time.Time{}, documentError("its host has no public address")
	case errors.Is(err, ErrDocumentTooLarge), err == nil && len(resp.Body) > most:
		return document{}, time.Time{}, documentError("it is too large")
	case err != nil, resp.Status >= 500, resp.Status == http.StatusTooManyRequests, resp.Status == http.StatusRequestTimeout:
		return document{}, time.Time{}, documentUnavailable()
	case resp.Status != http.StatusOK:
		// A redirect is not accepted either.
		return document{}, time.Time{}, documentError("its server does not answer with status 200")
	case typeErr != nil || !isJSON(mediaType):
		return document{}, time.Time{}, documentError("its Content-Type is not JSON")
	}
	d, err = read(resp.Body)
	return d, c.Now.Add(documentLife(resp.Header, c.Now)), err
}

// documentLife is how long a document may be cached (RFC 9111 sections 4.2.1 and 5.2.2).
func documentLife(h http.Header, now time.Time) time.Duration {
	life := standardDocumentLife
	if expires, err := http.ParseTime(h.Get("Expires")); err == nil {
		life = expires.Sub(now)
	} else if h.Get("Expires") != "" {
		life = 0
	}
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(h.Values("Cache-Control"), ",")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return minDocumentLife
		case "max-age":
			life = secondsOf(strings.Trim(value, `"`)) - secondsOf(h.Get("Age"))
		}
	}
	return min(max(life, minDocumentLife), maxDocumentLife)
}

// secondsOf reads delta-seconds (RFC 9111 section 1.2.2); zero if the text is invalid.
func secondsOf(text string) time.Duration {
	seconds, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// ErrDocumentTooLarge is the error with which a [Config.ClientDocuments] stops reading.
var ErrDocumentTooLarge = errors.New("authserver: the document is too large")

// GetClientDocuments returns a [Config.ClientDocuments] that reads a document with one GET, within
// five seconds, without following redirects. It reads at most 16 KiB. If transport is nil, it uses
// [PublicTransport], so that an address cannot lead into the server's own network.
func GetClientDocuments(transport http.RoundTripper) func(uri string) (Response, error) {
	if transport == nil {
		transport = PublicTransport()
	}
	client := &http.Client{
		Transport:     transport,
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(uri string) (Response, error) {
		u, err := url.Parse(uri)
		if err != nil {
			return Response{}, err
		}
		resp, err := client.Do(&http.Request{Method: http.MethodGet, URL: u, Header: http.Header{"Accept": {"application/json"}}})
		if err != nil {
			return Response{}, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeyDocument+1))
		if err == nil && len(body) > maxKeyDocument {
			err = ErrDocumentTooLarge
		}
		return Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, err
	}
}
