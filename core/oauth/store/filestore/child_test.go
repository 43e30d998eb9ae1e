package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/hosttest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// TestMain also runs the other processes.
func TestMain(m *testing.M) {
	hosttest.Play(roles)
	os.Exit(m.Run())
}

var roles = map[string]func(args []string) error{
	"count": count, "write": write, "hold": hold, "refresh": refresh, "create": create, "leave": leave,
}

// count adds 1 to a number in the store, n times. After a conflict it tries again.
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

// write stores one long value after the other until it is killed, and prints a line after each.
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

// hold takes a lock and keeps it until the process is killed.
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

// leave signs out of the session in a directory.
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
	return hosttest.Open(d, issuer, nil)
}
