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

// Tally is the result of a suite.
type Tally struct {
	Passed   int      `json:"passed"`
	Total    int      `json:"total"`
	Failures []string `json:"failures"`
	// Inputs and Effects count those of the transcripts. Digest is the SHA-256 over all effects,
	// each followed by a line feed, in hexadecimal.
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
	// Host is its name. SHA256 is the digest of the module that it ran, "-" if it ran none.
	Host   string `json:"host"`
	SHA256 string `json:"sha256"`
	// Transcripts and Contract are the suites, nil if one was not run.
	Transcripts *Tally `json:"transcripts,omitempty"`
	Contract    *Tally `json:"contract,omitempty"`
	// Page is the result of the page module, with the transcripts that it supports.
	Page *Second `json:"page,omitempty"`
	// BFF is the result of the transcripts of kind bff, with a third module.
	BFF *Second `json:"bff,omitempty"`
	// Resource is the result of those of kind resource, with the same third module.
	Resource *Second `json:"resource,omitempty"`
}

// Second is the result of a suite with another module, and that module's digest.
type Second struct {
	SHA256 string `json:"sha256"`
	*Tally
}

// Write writes the report as JSON. For a suite that was not run this time, it keeps the result of
// an earlier run with the same module.
func (r Report) Write(t testing.TB, path string) {
	t.Helper()
	var before Report
	if raw, err := os.ReadFile(path); err == nil {
		json.Unmarshal(raw, &before) // an invalid file is replaced
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
