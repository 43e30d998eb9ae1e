package oauthtest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Tally is how a suite went.
type Tally struct {
	Passed   int      `json:"passed"`
	Total    int      `json:"total"`
	Failures []string `json:"failures"`
	// Inputs and Effects are how many there were in transcripts, Digest is the SHA-256 over all
	// effects, each with a line feed behind it, in hexadecimal.
	Inputs  int    `json:"inputs,omitempty"`
	Effects int    `json:"effects,omitempty"`
	Digest  string `json:"digest,omitempty"`

	mu sync.Mutex
}

func (t *Tally) add(name string, passed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Total++
	if passed {
		t.Passed++
	} else {
		t.Failures = append(t.Failures, name)
	}
}

// Report is a line of the table of hosts.
type Report struct {
	// Host is its name, SHA256 the digest of the module that it ran, "-" where it runs none.
	Host   string `json:"host"`
	SHA256 string `json:"sha256"`
	// Transcripts and Contract are the suites, nil where one was not run.
	Transcripts *Tally `json:"transcripts,omitempty"`
	Contract    *Tally `json:"contract,omitempty"`
	// Page are the transcripts that the page's module is enough for, on that one.
	Page *Second `json:"page,omitempty"`
	// BFF are the transcripts of kind bff, which a third module knows.
	BFF *Second `json:"bff,omitempty"`
	// Resource are those of kind resource, which the same one knows.
	Resource *Second `json:"resource,omitempty"`
}

// Second is how a suite of another module went, with that one's digest.
type Second struct {
	SHA256 string `json:"sha256"`
	*Tally
}

// Write writes the report as JSON. A suite that was not run this time stays as an earlier run with
// the same module left it.
func (r Report) Write(t testing.TB, path string) {
	t.Helper()
	var before Report
	if raw, err := os.ReadFile(path); err == nil {
		json.Unmarshal(raw, &before) // a file that is none is replaced
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if before.SHA256 == r.SHA256 {
		if r.Transcripts == nil {
			r.Transcripts = before.Transcripts
		}
		if r.Contract == nil {
			r.Contract = before.Contract
		}
	}
	if r.BFF == nil {
		r.BFF = before.BFF
	}
	if r.Page == nil {
		r.Page = before.Page
	}
	if r.Resource == nil {
		r.Resource = before.Resource
	}
	suites := []*Tally{r.Transcripts, r.Contract}
	for _, other := range []*Second{r.Page, r.BFF, r.Resource} {
		if other != nil {
			suites = append(suites, other.Tally)
		}
	}
	for _, suite := range suites {
		if suite != nil && suite.Failures == nil {
			suite.Failures = []string{}
		}
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = os.WriteFile(path, append(raw, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
