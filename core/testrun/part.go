//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// hang is how long a part may take. Only a hang reaches it.
const hang = time.Hour

// shown is how many of its last lines a failed part shows, if they are not those of Go tests.
const shown = 80

// result is the result of a part.
type result struct {
	name   string
	counts counts
	// notes say what failed. why is one line about a failed part whose tests do not say why.
	notes     []string
	why       string
	took, cpu time.Duration
}

func (r *result) failed() bool { return r.counts.failed > 0 }

// String is the line that is printed when the part ends, with what failed.
func (r *result) String() string {
	line := fmt.Sprintf("%-12s %s in %.0f s (CPU %.0f s)", r.name, r.counts, r.took.Seconds(), r.cpu.Seconds())
	return strings.Join(append([]string{line}, r.notes...), "\n")
}

// run runs the part's target.
func (r *result) run(ctx context.Context) {
	began := time.Now()
	defer func() { r.took = time.Since(began) }()
	ctx, cancel := context.WithTimeout(ctx, hang)
	defer cancel()
	log, err := os.Create(filepath.Join(folder, r.name+".log"))
	if err != nil {
		r.fault(err.Error())
		return
	}
	defer log.Close()

	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", r.name)
	cmd.Env = append(os.Environ(), "GOTEST=go test -json", "MAKEFLAGS=", "MAKELEVEL=")
	// The whole process group ends, not make alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	ended := make(chan error, 1)
	go func() {
		err := cmd.Run()
		in.Close()
		ended <- err
	}()
	r.read(io.TeeReader(out, log))
	err = <-ended
	if cmd.ProcessState != nil {
		r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	r.judge(ctx, err)
}

// read counts the tests in what the part writes.
func (r *result) read(out io.Reader) {
	var events goEvents
	var last tail
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if text := strings.TrimRight(line, "\n"); text != "" && !events.take(text) && !r.counts.take(text) {
			last.add(text)
		}
		if err != nil {
			break
		}
	}
	r.counts.add(events.counts)
	if r.notes = events.failures; len(r.notes) == 0 {
		r.notes = last.lines
	}
}

// judge adds what the tests do not say: that the command failed, or that a part without tests
// succeeded.
func (r *result) judge(ctx context.Context, err error) {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		r.fault(fmt.Sprintf("hangs: it did not end in %v", hang))
	case ctx.Err() != nil:
		r.fault("interrupted")
	case err != nil && !r.failed():
		r.fault(r.lastWords())
	case err == nil && r.counts == (counts{}):
		r.counts.passed = 1
	}
	if !r.failed() {
		r.notes = nil
		return
	}
	r.notes = append(r.notes, fmt.Sprintf("%s failed; build/test/%s.log has all of it", r.name, r.name))
}

// lastWords are the last lines of the part's commands, without those of make.
func (r *result) lastWords() string {
	for _, line := range slices.Backward(r.notes) {
		if !strings.HasPrefix(line, "make") {
			return line
		}
	}
	return "it failed without a word"
}

// fault adds a failed test.
func (r *result) fault(why string) {
	r.counts.failed++
	r.why = why
}

// tail keeps the last lines of a text.
type tail struct{ lines []string }

func (t *tail) add(line string) {
	if t.lines = append(t.lines, line); len(t.lines) > shown {
		t.lines = t.lines[1:]
	}
}
