//go:build !js

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// atOnce is how many requests are under way when a backend is saturated, and signingIn how many
	// users sign in at a time.
	atOnce    = 32
	signingIn = 16
	// connections is how many there are to a backend at most. A request that finds none free waits,
	// and its time runs.
	connections = 256
)

// patience is how long an answer may take.
var patience = 10 * time.Second

type order struct {
	Do       string
	Origin   string
	Sessions int
	Rate     float64
	Seconds  float64
}

type driver struct {
	authority *authority
	targets   map[string]*target
}

// A target is a backend, with the sessions there are in it.
type target struct {
	addr     string
	requests [][]byte // one a session, as it stands on the wire
	free     chan *connection
	room     chan struct{}
}

// outcome is what a run, or saturation, came to. Times are in tenths of a ms.
type outcome struct {
	Rate      float64        `json:"rate"`
	Times     []int          `json:"times,omitempty"`
	Failed    map[string]int `json:"failed"`
	Refreshes int64          `json:"refreshes"`
}

func (d *driver) carryOut(o order) (any, error) {
	t := d.targets[o.Origin]
	if t == nil {
		u, err := url.Parse(o.Origin)
		if err != nil {
			return nil, err
		}
		t = &target{addr: "127.0.0.1:" + u.Port(), free: make(chan *connection, connections), room: make(chan struct{}, connections)}
		d.targets[o.Origin] = t
	}
	switch o.Do {
	case "sign_in":
		return d.signIn(t, o, d.cookies)
	case "tokens":
		return d.signIn(t, o, func(string) (string, error) { return "Authorization: Bearer " + d.authority.issue(time.Hour), nil })
	case "saturate":
		return d.saturate(t, o), nil
	case "run":
		return d.run(t, o), nil
	}
	return nil, errors.New("unknown order: " + o.Do)
}

// signIn opens sessions. Each user has a header, which is made by known.
func (d *driver) signIn(t *target, o order, known func(origin string) (string, error)) (any, error) {
	u, err := url.Parse(o.Origin)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	requests := make([][]byte, o.Sessions)
	var next atomic.Int64
	var wait sync.WaitGroup
	failures := make(chan error, signingIn)
	for range signingIn {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(o.Sessions); i = next.Add(1) - 1 {
				header, err := known(o.Origin)
				if err != nil {
					failures <- err
					return
				}
				requests[i] = requestOf(u, i, header)
			}
		})
	}
	wait.Wait()
	close(failures)
	if err := <-failures; err != nil {
		return nil, err
	}
	t.requests = requests
	return map[string]any{"seconds": time.Since(began).Seconds()}, nil
}

// requestOf is what a page's script sends, as Chromium does.
func requestOf(u *url.URL, i int64, header string) []byte {
	return fmt.Appendf(nil, "GET /api/things/%d?page=2 HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive\r\nsec-ch-ua-platform: \"Linux\"\r\n"+
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\nAccept: application/json\r\nx-csrf: 1\r\n"+
		"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nReferer: %s/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n%s\r\n\r\n", i, u.Host, u, header)
}

var browser = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: signingIn},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// cookies signs a user in at a backend: to the authorization server, and back with a code.
func (d *driver) cookies(origin string) (string, error) {
	jar := map[string]string{}
	visit := func(to string) (string, error) {
		r, err := http.NewRequest(http.MethodGet, to, nil)
		if err != nil {
			return "", err
		}
		for name, value := range jar {
			r.Header.Add("Cookie", name+"="+value)
		}
		res, err := browser.Do(r)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		for _, c := range res.Cookies() {
			if jar[c.Name] = c.Value; c.Value == "" || c.MaxAge < 0 {
				delete(jar, c.Name)
			}
		}
		if res.StatusCode/100 != 3 {
			return "", fmt.Errorf("%s: %s %s", r.URL.Path, res.Status, body)
		}
		return res.Header.Get("Location"), nil
	}
	to, err := visit(origin + "/auth/login")
	if err == nil {
		to, err = d.authority.authorize(to)
	}
	if err == nil {
		_, err = visit(to)
	}
	if err != nil {
		return "", err
	}
	header := "Cookie: "
	for name, value := range jar {
		header += name + "=" + value + "; "
	}
	return header[:len(header)-2], nil
}

// saturate has so many requests under way at any time.
func (d *driver) saturate(t *target, o order) outcome {
	r := d.record()
	end := time.Now().Add(time.Duration(o.Seconds * float64(time.Second)))
	began := time.Now()
	var wait sync.WaitGroup
	for range atOnce {
		wait.Go(func() {
			for time.Now().Before(end) {
				r.note(time.Now(), t.ask())
			}
		})
	}
	wait.Wait()
	return r.outcome(time.Since(began))
}

// run sends requests at a rate, at random times (a Poisson process), of sessions at random, whether
// or not earlier ones were answered. A request's time counts from when it had to be sent, so that a
// backend that stands still is seen by all who would have come meanwhile.
func (d *driver) run(t *target, o order) outcome {
	r := d.record()
	began := time.Now()
	length := time.Duration(o.Seconds * float64(time.Second))
	var wait sync.WaitGroup
	for at := time.Duration(0); ; {
		at += time.Duration(rand.ExpFloat64() / o.Rate * float64(time.Second))
		if at >= length {
			break
		}
		due := began.Add(at)
		time.Sleep(time.Until(due))
		wait.Go(func() { r.note(due, t.ask()) })
	}
	wait.Wait()
	return r.outcome(length)
}

type record struct {
	authority *authority
	refreshes int64
	mu        sync.Mutex
	times     []int
	failed    map[string]int
}

func (d *driver) record() *record {
	return &record{authority: d.authority, refreshes: d.authority.refreshes.Load(), failed: map[string]int{}}
}

func (r *record) note(due time.Time, failed string) {
	took := int(time.Since(due) / (100 * time.Microsecond))
	r.mu.Lock()
	defer r.mu.Unlock()
	if failed != "" {
		r.failed[failed]++
		return
	}
	r.times = append(r.times, took)
}

func (r *record) outcome(length time.Duration) outcome {
	return outcome{float64(len(r.times)) / length.Seconds(), r.times, r.failed, r.authority.refreshes.Load() - r.refreshes}
}

type connection struct {
	net.Conn
	in *bufio.Reader
}

// ask sends the request of a session; "" where it is answered with 200.
func (t *target) ask() (failed string) {
	select {
	case t.room <- struct{}{}:
	case <-time.After(patience):
		return "no connection"
	}
	defer func() { <-t.room }()
	request := t.requests[rand.IntN(len(t.requests))]
	for {
		var c *connection
		select {
		case c = <-t.free:
		default:
		}
		used := c != nil
		if !used {
			made, err := net.Dial("tcp", t.addr)
			if err != nil {
				return "no connection"
			}
			c = &connection{made, bufio.NewReader(made)}
		}
		status, last, err := c.ask(request)
		if err != nil || last {
			c.Close()
		} else {
			t.free <- c
		}
		switch {
		case used && errors.Is(err, errIdle): // it had ended meanwhile: a browser sends it again
		case err != nil:
			return "broken off"
		case status != http.StatusOK:
			return fmt.Sprint(status)
		default:
			return ""
		}
	}
}

// errIdle is a connection on which nothing came, and nothing will.
var errIdle = errors.New("the connection has ended")

// ask sends one request; last tells whether the connection ends with its answer.
func (c *connection) ask(request []byte) (status int, last bool, err error) {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(request); err != nil {
		return 0, true, errIdle
	}
	if _, err := c.in.Peek(1); err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			err = errIdle
		}
		return 0, true, err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, true, err
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && res.StatusCode == http.StatusOK && n != int64(len(thing)) {
		err = errors.New("not the whole answer")
	}
	return res.StatusCode, res.Close, err
}
