//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// roleVariable contains the task of a process, as JSON.
const roleVariable = "SOAK_TASK"

var errSignedOut = errors.New("nobody is signed in")

// play is one of the ten processes: it calls again and again, and prints the results.
func play(raw string) {
	go func() { // a process does not outlive its parent, which holds the other end
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	var t task
	if err := json.Unmarshal([]byte(raw), &t); err != nil {
		log.Fatal(err)
	}
	call, err := map[string]func(task) (func(context.Context) error, error){
		"plain": plain, "adapter": adapter, "sdk": own,
	}[t.Role](t)
	if err != nil {
		log.Fatal(t.Agent, ": ", err)
	}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		err := call(ctx)
		cancel()
		switch {
		case err == nil:
			fmt.Println("ok")
		case errors.Is(err, errSignedOut):
			fmt.Println("signed-out")
		default:
			fmt.Println("failed:", err)
		}
		time.Sleep(time.Duration(50+rand.IntN(250)) * time.Millisecond)
	}
}

// plain is an ordinary client without MCP.
func plain(t task) (func(context.Context) error, error) {
	dir, err := filestore.Open(t.Dir)
	if err != nil {
		return nil, err
	}
	var config oauth.Config
	if err := json.Unmarshal(t.Config, &config); err != nil {
		return nil, err
	}
	config.UserAgent = t.Agent
	c, err := oauth.Open(context.Background(), new(core.Engine), config, oauth.Options{Store: dir})
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Transport: c.Transport(nil)}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, t.API, nil)
		if err != nil {
			return err
		}
		res, err := browser.Do(r)
		switch {
		case errors.Is(err, &oauth.Error{Code: "not_signed_in"}) || beginAgain(err):
			return errSignedOut
		case err != nil:
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return errors.New(res.Status)
		}
		return nil
	}, nil
}

// adapter is the Go SDK with our handler.
func adapter(t task) (func(context.Context) error, error) {
	dir, err := filestore.Open(t.Dir)
	if err != nil {
		return nil, err
	}
	c, err := mcp.Open(context.Background(), new(core.Engine), agentConfig(t.Issuer, t.Agent), oauth.Options{Store: dir})
	if err != nil {
		return nil, err
	}
	var asked atomic.Bool
	return calls(t, mcpsdk.New(c, t.Resource, func(context.Context, *mcp.SignIn) error {
		asked.Store(true)
		return errSignedOut
	}), &asked), nil
}

// beginAgain reports whether only a new sign-in cures the error.
func beginAgain(err error) bool {
	e, ok := errors.AsType[*oauth.Error](err)
	return ok && e.BeginAgain
}
