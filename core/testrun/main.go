//go:build unix

// Command testrun runs the parts of `make test`, all of them even if some fail, and ends with a
// table of the results.
//
//	testrun setup check,go-test+node24,hosts behaviours
//
// Its arguments are stages, which run one after the other. A stage is one or more lanes, joined by
// "+", which run side by side. A lane is a list of parts, joined by ",", which run one after the
// other. A part is a target of the Makefile.
//
// The output of a part goes to build/test/PART.log. Its tests are counted from the events of `go
// test -json` in the output (GOTEST in the environment asks the Makefile for them), and from lines
// "N passed, N failed, N skipped". A part with neither counts as one test. A part fails if its
// command fails, if one of its tests fails, or if it hangs.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

// folder is where the output of the parts goes.
const folder = "build/test"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Results of an earlier run must not count for this one.
	if err := os.RemoveAll(folder); err != nil {
		fail(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		fail(err)
	}
	var results []*result
	for _, stage := range os.Args[1:] {
		results = append(results, runStage(ctx, stage)...)
	}
	if !report(os.Stdout, results) {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "testrun:", err)
	os.Exit(1)
}

// runStage runs lanes side by side and returns the results in the order in which their parts are
// named.
func runStage(ctx context.Context, stage string) []*result {
	var results []*result
	var lanes sync.WaitGroup
	for lane := range strings.SplitSeq(stage, "+") {
		var parts []*result
		for name := range strings.SplitSeq(lane, ",") {
			parts = append(parts, &result{name: name})
		}
		results = append(results, parts...)
		lanes.Go(func() { runLane(ctx, parts) })
	}
	lanes.Wait()
	return results
}

func runLane(ctx context.Context, parts []*result) {
	for _, part := range parts {
		part.run(ctx)
		fmt.Println(part)
	}
}
