//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// counts are the numbers of tests by result.
type counts struct{ passed, failed, skipped int }

func (c counts) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.passed, c.failed, c.skipped)
}

func (c *counts) add(o counts) {
	c.passed += o.passed
	c.failed += o.failed
	c.skipped += o.skipped
}

// take adds the numbers of a line "N passed, N failed, N skipped". It reports whether the line is
// one.
func (c *counts) take(line string) bool {
	var said counts
	if _, err := fmt.Sscanf(line, "%d passed, %d failed, %d skipped", &said.passed, &said.failed, &said.skipped); err != nil || said.String() != line {
		return false
	}
	c.add(said)
	return true
}

// goEvents counts the events of `go test -json`, and keeps the output of tests that failed.
type goEvents struct {
	counts   counts
	failures []string
	output   map[string]string
	// broken are packages with a failed test: that the package fails, too, is no news.
	broken map[string]bool
}

// take handles a line that is an event, and reports whether it was one.
func (g *goEvents) take(line string) bool {
	var e struct{ Action, Package, ImportPath, Test, Output, FailedBuild string }
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
		return false
	}
	if g.output == nil {
		g.output, g.broken = map[string]string{}, map[string]bool{}
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		g.output[key] += e.Output
	case "build-output":
		g.output["build "+e.ImportPath] += e.Output
	case "pass", "skip", "fail":
		g.end(e.Action, e.Package, e.Test, g.output[key]+g.output["build "+e.FailedBuild])
		delete(g.output, key)
	}
	return true
}

// end counts a test. A package counts only if it fails without a failed test, as when it does not
// build.
func (g *goEvents) end(action, pkg, test, output string) {
	switch {
	case action == "fail" && (test != "" || !g.broken[pkg]):
		g.broken[pkg] = true
		g.counts.failed++
		g.failures = append(g.failures, strings.TrimSpace(pkg+" "+test)+"\n"+output)
	case test == "":
	case action == "pass":
		g.counts.passed++
	case action == "skip":
		g.counts.skipped++
	}
}

// report writes the table, and then only the totals on the last line. It reports whether everything
// passed; without any test it did not.
func report(w io.Writer, results []*result) bool {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\npart\tpassed\tfailed\tskipped\tseconds\t")
	var all counts
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%.0f\t  %s\n", r.name, r.counts.passed, r.counts.failed, r.counts.skipped, r.took.Seconds(), r.why)
		all.add(r.counts)
	}
	table.Flush()
	fmt.Fprintf(w, "\n%s\n", all)
	return all.failed == 0 && all.passed > 0
}
