//go:build unix

package main

import (
	"os"
	"strings"
	"testing"
)

// Parts after a failed one run, too, each with its counts, and the totals are alone on the last
// line.
func TestEveryPartRuns(t *testing.T) {
	const makefile = `
good:
	@echo "3 passed, 0 failed, 1 skipped"
bad:
	@echo "2 passed, 1 failed, 0 skipped"; exit 1
silent:
	@true
missing:
	@echo "Node 20 or later is missing" >&2; exit 1
dies:
	@echo "5 passed, 0 failed, 0 skipped"; echo "out of memory"; exit 1
go:
	@echo '{"Action":"run","Package":"p","Test":"TestA"}'
	@echo '{"Action":"output","Package":"p","Test":"TestA","Output":"why it failed\n"}'
	@echo '{"Action":"fail","Package":"p","Test":"TestA"}'
	@echo '{"Action":"pass","Package":"p","Test":"TestB"}'
	@echo '{"Action":"skip","Package":"p","Test":"TestC"}'
	@echo '{"Action":"fail","Package":"p"}'; exit 1
unbuilt:
	@echo '{"ImportPath":"q [q.test]","Action":"build-output","Output":"undefined: x\n"}'
	@echo '{"Action":"fail","Package":"q","FailedBuild":"q [q.test]"}'; exit 1
`
	t.Chdir(t.TempDir())
	if err := os.WriteFile("Makefile", []byte(makefile), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var results []*result
	for _, stage := range []string{"bad", "good,missing+go,silent", "dies,unbuilt"} {
		results = append(results, runStage(t.Context(), stage)...)
	}
	for i, want := range []struct {
		name         string
		counts       counts
		why, showing string
	}{
		{"bad", counts{2, 1, 0}, "", ""},
		{"good", counts{3, 0, 1}, "", ""},
		{"missing", counts{0, 1, 0}, "Node 20 or later is missing", ""},
		{"go", counts{1, 1, 1}, "", "why it failed"},
		{"silent", counts{1, 0, 0}, "", ""},
		{"dies", counts{5, 1, 0}, "out of memory", "out of memory"},
		{"unbuilt", counts{0, 1, 0}, "", "undefined: x"},
	} {
		t.Run(want.name, func(t *testing.T) {
			got := results[i]
			if got.name != want.name || got.counts != want.counts || got.why != want.why || !strings.Contains(got.String(), want.showing) {
				t.Errorf("%s\n%+v", got, got)
			}
		})
	}
	var table strings.Builder
	if report(&table, results) {
		t.Error("it went well")
	}
	if !strings.HasSuffix(table.String(), "\n\n12 passed, 5 failed, 2 skipped\n") {
		t.Error(table.String())
	}
	if !report(&table, []*result{{counts: counts{passed: 1}}}) || report(&table, nil) {
		t.Error("one that passed is well, and nothing is not")
	}
}
