package authserver

import (
	"container/list"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxDocuments is how many documents are cached at once, of 20 KB or so at most. To add another one
// evicts the least recently used.
const maxDocuments = 1 << 10

// document is the content of a document: a client, or keys.
type document struct {
	client Client
	keys   []jose.JSONWebKey
	uri    string
	readAt time.Time
	until  time.Time
}

// reading is a document that is being read. Everybody who needs it waits for the one reader.
type reading struct {
	done     chan struct{}
	document document
	err      error
}

// documents caches documents. Failures are not cached.
type documents struct {
	mu       sync.Mutex
	kept     map[string]*list.Element
	byUse    list.List // documents, the most recently used first
	readings map[string]*reading
	underWay requestsUnderWay
}

func newDocuments() *documents {
	return &documents{kept: map[string]*list.Element{}, readings: map[string]*reading{}, underWay: requestsUnderWay{toHost: map[string]int{}}}
}

// find returns the cached document, or a reading of it. If nobody else reads it, the caller must.
func (d *documents) find(uri string, now, since time.Time, admit func() error) (kept document, r *reading, mine bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.kept[uri]; e != nil {
		if kept := e.Value.(document); now.Before(kept.until) && kept.readAt.After(since) {
			d.byUse.MoveToFront(e)
			return kept, nil, false, nil
		}
	}
	if r := d.readings[uri]; r != nil {
		return document{}, r, false, nil
	}
	if err := admit(); err != nil {
		return document{}, nil, false, err
	}
	if !d.underWay.begin(documentHost(uri)) {
		return document{}, nil, false, documentUnavailable()
	}
	// This error remains if the hook panics.
	r = &reading{done: make(chan struct{}), err: documentUnavailable()}
	d.readings[uri] = r
	return document{}, r, true, nil
}

// end wakes all who wait, and caches what was read.
func (d *documents) end(uri, host string, r *reading) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.readings, uri)
	d.underWay.end(host)
	if r.err == nil {
		d.keep(r.document)
	}
	close(r.done)
}

func (d *documents) keep(read document) {
	if e := d.kept[read.uri]; e != nil {
		e.Value = read
		d.byUse.MoveToFront(e)
		return
	}
	d.kept[read.uri] = d.byUse.PushFront(read)
	if len(d.kept) > maxDocuments {
		last := d.byUse.Remove(d.byUse.Back()).(document)
		delete(d.kept, last.uri)
	}
}

// documentHost is the host of a client_id that is a URL, and empty for any other.
func documentHost(clientID string) string {
	if !strings.HasPrefix(clientID, "https://") && !strings.HasPrefix(clientID, "http://") {
		return ""
	}
	u, err := url.Parse(clientID)
	if err != nil {
		return ""
	}
	return u.Host
}

// documentError refuses a client because of its document. why is a constant.
func documentError(why string) error {
	return badRequest("invalid_client", "The metadata document of the application cannot be used: "+why+".")
}

// documentUnavailable is the error for a client whose document cannot be read now. Its tokens stay
// valid, and it may retry.
func documentUnavailable() error {
	return &protocolError{status: http.StatusServiceUnavailable, code: "temporarily_unavailable",
		description: "The metadata document of the application cannot be read at the moment."}
}
