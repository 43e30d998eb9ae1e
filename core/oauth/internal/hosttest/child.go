// Package hosttest has helpers for tests of stores that processes share: other processes, and a
// site at which they sign in.
package hosttest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// role says what a process does that a test has started.
const role = "OAUTH_TEST_ROLE"

// Play makes a process that a test has started do its role, and ends it. In any other process it
// does nothing. TestMain calls it first.
func Play(roles map[string]func(args []string) error) {
	name := os.Getenv(role)
	if name == "" {
		return
	}
	go func() { // a child does not outlive its parent, which holds the other end
		io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	if err := roles[name](os.Args[1:]); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A Child is another process that runs the test's binary.
type Child struct {
	*exec.Cmd
	Lines chan string // lines that it prints
	t     *testing.T
}

// Start starts a process with a role. It ends with the test.
func Start(t *testing.T, what string, args ...string) *Child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &Child{Cmd: exec.Command(self, args...), Lines: make(chan string, 1000), t: t}
	c.Env = append(os.Environ(), role+"="+what)
	c.Stderr = os.Stderr
	if _, err := c.StdinPipe(); err != nil { // it is closed when this process ends
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.Lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.Lines <- s.Text()
		}
	}()
	t.Cleanup(c.Kill)
	return c
}

// Line returns the next line that the child prints.
func (c *Child) Line() string {
	c.t.Helper()
	select {
	case l, ok := <-c.Lines:
		if !ok {
			c.t.Fatal("the child has ended")
		}
		return l
	case <-time.After(oauthtest.Patience):
		c.t.Fatal("the child says nothing")
		return ""
	}
}

// End waits until the child has ended by itself, and returns its remaining lines.
func (c *Child) End() (rest []string) {
	c.t.Helper()
	late := time.After(oauthtest.Patience)
	for {
		select {
		case l, ok := <-c.Lines:
			if ok {
				rest = append(rest, l)
				continue
			}
			if err := c.Wait(); err != nil {
				c.t.Errorf("the child: %v: %q", err, rest)
			}
			return rest
		case <-late:
			c.t.Fatalf("the child does not end: %q", rest)
		}
	}
}

// Kill kills the child, without a chance to tidy up.
func (c *Child) Kill() {
	c.Process.Kill()
	for range c.Lines {
	}
	c.Wait()
}
