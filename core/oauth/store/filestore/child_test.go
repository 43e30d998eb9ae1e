package filestore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// The tests run this binary again as other processes: what each does stands in this variable.
const role = "FILESTORE_TEST_ROLE"

func TestMain(m *testing.M) {
	name := os.Getenv(role)
	if name == "" {
		os.Exit(m.Run())
	}
	// A child does not outlive its parent, which holds the other end.
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	if err := roles[name](os.Args[1:]); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

var roles = map[string]func(args []string) error{
	"count": count, "write": write, "hold": hold, "refresh": refresh, "create": create, "leave": leave,
}

// count adds 1 to a number in the store, n times, each time anew where another one was first.
func count(args []string) error {
	d, err := filestore.Open(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for range n {
		for {
			value, version, ok, err := d.Load(context.Background(), "number")
			if err != nil {
				return err
			}
			number := 0
			if ok {
				if number, err = strconv.Atoi(value); err != nil {
					return err
				}
			}
			next := strconv.Itoa(number + 1)
			_, err = d.Store(context.Background(), "number", version, &next)
			if err == nil {
				break
			}
			if !errors.Is(err, oauth.ErrConflict) {
				return err
			}
		}
	}
	return nil
}

// write stores one long value after the other until it is killed, and says so after each.
func write(args []string) error {
	d, err := filestore.Open(args[0])
	if err != nil {
		return err
	}
	_, version, _, err := d.Load(context.Background(), "long")
	for n := 0; err == nil; n++ {
		value := strings.Repeat(strconv.Itoa(n%10), 100_000)
		if version, err = d.Store(context.Background(), "long", version, &value); err == nil {
			fmt.Println("stored", n)
		}
	}
	return err
}

// hold takes a lock and keeps it until it is killed.
func hold(args []string) error {
	d, err := filestore.Open(args[0])
	if err != nil {
		return err
	}
	if _, err := d.Lock(context.Background(), args[1]); err != nil {
		return err
	}
	fmt.Println("held")
	select {}
}

// refresh opens the session in a directory and refreshes it n times.
func refresh(args []string) error {
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	c, err := openClient(args[0], args[1])
	if err != nil {
		return err
	}
	defer c.Close()
	for range n {
		if _, err := c.FreshToken(context.Background()); err != nil {
			return err
		}
	}
	st, err := c.Status(context.Background())
	if err != nil {
		return err
	}
	fmt.Println(st.Status, st.Refreshable)
	return nil
}

// leave signs the session in a directory out.
func leave(args []string) error {
	c, err := openClient(args[0], args[1])
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.LogOut(context.Background(), oauth.LogOutParams{})
	return err
}

func openClient(dir, issuer string) (*oauth.Client, error) {
	d, err := filestore.Open(dir)
	if err != nil {
		return nil, err
	}
	return oauth.Open(context.Background(), new(core.Engine), oauth.Config{
		Issuer: issuer, ClientID: "notes", RedirectURI: redirectURI, Scope: "profile",
		AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token",
	}, oauth.Options{Store: d, HTTP: &http.Client{Transport: &http.Transport{}}})
}

// child is another process.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
}

func start(t *testing.T, what string, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(self, args...), lines: make(chan string, 1000)}
	c.cmd.Env = append(os.Environ(), role+"="+what)
	c.cmd.Stderr = os.Stderr
	_, err = c.cmd.StdinPipe() // closed when this process ends
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(c.kill)
	return c
}

const patience = oauthtest.Patience

// line is the next one that the child prints.
func (c *child) line() string {
	c.t.Helper()
	select {
	case l, ok := <-c.lines:
		if !ok {
			c.t.Fatal("the child has ended")
		}
		return l
	case <-time.After(patience):
		c.t.Fatal("the child says nothing")
		return ""
	}
}

// end waits until the child has ended by itself and gives what it still printed.
func (c *child) end() []string {
	c.t.Helper()
	var rest []string
	late := time.After(patience)
	for {
		select {
		case l, ok := <-c.lines:
			if ok {
				rest = append(rest, l)
				continue
			}
			if err := c.cmd.Wait(); err != nil {
				c.t.Errorf("the child: %v: %q", err, rest)
			}
			return rest
		case <-late:
			c.t.Fatalf("the child does not end: %q", rest)
		}
	}
}

// kill ends the child as the operating system ends a process: without a chance to tidy up.
func (c *child) kill() {
	c.cmd.Process.Kill()
	for range c.lines {
	}
	c.cmd.Wait()
}
