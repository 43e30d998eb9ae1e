//go:build js && wasm

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"syscall/js"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// objects stores values and locks in Durable Objects, one for each key: the class Sessions in
// ../worker/object.ts, which describes the requests.
type objects struct {
	namespace  js.Value
	remembered js.Value // a Map in the isolate with the server's metadata, which are the same for every session
	locks      sync.WaitGroup
}

var (
	_ oauth.ExpiringStore = (*objects)(nil)
	_ oauth.Locker        = (*objects)(nil)
)

type question struct {
	Op        string  `json:"op"`
	Key       string  `json:"key,omitempty"`
	Version   *string `json:"version,omitempty"`
	Value     *string `json:"value,omitempty"`
	Delete    bool    `json:"delete,omitempty"`
	ExpiresAt int64   `json:"expires_at,omitempty"`
	Name      string  `json:"name,omitempty"`
	WaitMS    int64   `json:"wait_ms,omitempty"`
	Token     string  `json:"token,omitempty"`
}

type reply struct {
	Value   *string `json:"value"`
	Version string  `json:"version"`
	Token   string  `json:"token"`
	Failed  string  `json:"failed"`
}

func (o *objects) ask(ctx context.Context, key string, q question) (r reply, err error) {
	fail := func(err error) (reply, error) { return reply{}, fmt.Errorf("goworker: the object: %w", err) }
	raw, err := json.Marshal(q)
	if err != nil {
		return fail(err)
	}
	id, err := call(o.namespace, "idFromName", key)
	if err != nil {
		return fail(err)
	}
	stub, err := call(o.namespace, "get", id)
	if err != nil {
		return fail(err)
	}
	controller := js.Global().Get("AbortController").New()
	promise, err := call(stub, "fetch", "https://sessions/", map[string]any{"method": "POST", "body": string(raw), "signal": controller.Get("signal")})
	if err != nil {
		return fail(err)
	}
	response, err := await(ctx, promise, func() { controller.Call("abort") })
	if err != nil {
		return fail(err)
	}
	if !response.Get("ok").Bool() {
		return fail(errors.New("it failed"))
	}
	text, err := await(ctx, response.Call("text"), func() {})
	if err != nil {
		return fail(err)
	}
	if err := json.Unmarshal([]byte(text.String()), &r); err != nil {
		return fail(err)
	}
	return r, nil
}

// isMetadata reports whether the contract lets a host keep the value in memory.
func isMetadata(key string) bool { return strings.HasSuffix(key, ".metadata") }

// Load implements oauth.Store.
func (o *objects) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	if isMetadata(key) {
		kept := o.remembered.Call("get", key)
		if kept.IsUndefined() {
			return "", "", false, nil
		}
		return kept.Get("value").String(), kept.Get("version").String(), true, nil
	}
	r, err := o.ask(ctx, key, question{Op: "load", Key: key})
	if err != nil || r.Value == nil {
		return "", "", false, err
	}
	return *r.Value, r.Version, true, nil
}

// Store implements oauth.Store.
func (o *objects) Store(ctx context.Context, key, version string, value *string) (string, error) {
	if isMetadata(key) {
		return o.remember(key, version, value)
	}
	return o.put(ctx, key, question{Op: "store", Key: key, Version: &version, Value: value, Delete: value == nil})
}

// StoreUntil implements oauth.ExpiringStore.
func (o *objects) StoreUntil(ctx context.Context, key, version, value string, until time.Time) (string, error) {
	return o.put(ctx, key, question{Op: "store", Key: key, Version: &version, Value: &value, ExpiresAt: until.UnixMilli()})
}

func (o *objects) put(ctx context.Context, key string, q question) (string, error) {
	r, err := o.ask(ctx, key, q)
	if err == nil && r.Failed == "conflict" {
		err = oauth.ErrConflict
	}
	return r.Version, err
}

// remember is Store in the isolate's memory. No other request runs between the comparison and the
// change.
func (o *objects) remember(key, version string, value *string) (string, error) {
	stands := ""
	if kept := o.remembered.Call("get", key); !kept.IsUndefined() {
		stands = kept.Get("version").String()
	}
	if stands != version {
		return "", oauth.ErrConflict
	}
	if value == nil {
		o.remembered.Call("delete", key)
		return "", nil
	}
	states := o.remembered.Call("get", "")
	n := 1
	if !states.IsUndefined() {
		n = states.Int() + 1
	}
	o.remembered.Call("set", "", n)
	next := strconv.Itoa(n)
	o.remembered.Call("set", key, map[string]any{"value": *value, "version": next})
	return next, nil
}

// lease is how long an object holds a lock without a message from its holder (../worker/lines.ts).
const lease = 15 * time.Second

// Lock implements oauth.Locker.
func (o *objects) Lock(ctx context.Context, name string) (unlock func(), err error) {
	wait := lease
	if end, ok := ctx.Deadline(); ok {
		wait = time.Until(end)
	}
	r, err := o.ask(ctx, name, question{Op: "lock", Name: name, WaitMS: max(1, wait.Milliseconds())})
	if err == nil && r.Token == "" {
		err = errors.New("goworker: the lock could not be taken in time")
	}
	if err != nil {
		return nil, err
	}
	o.locks.Add(1)
	say := func(op string) {
		within, cancel := context.WithTimeout(context.Background(), lease)
		defer cancel()
		o.ask(within, name, question{Op: op, Name: name, Token: r.Token}) // if it is lost, it is sent again, or the lease expires
	}
	released := make(chan struct{})
	go func() {
		defer o.locks.Done()
		clock := time.NewTicker(lease / 3)
		defer clock.Stop()
		for {
			select {
			case <-clock.C:
				say("renew")
			case <-released:
				say("unlock")
				return
			}
		}
	}()
	return sync.OnceFunc(func() { close(released) }), nil
}
