package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// connections run at the same time, over loopback; in one process as many grants take turns.
const connections = 16

const formType = "application/x-www-form-urlencoded"

// inProcess calls the handlers of both servers, on one goroutine, and returns requests per second
// by server and grant.
func inProcess(span time.Duration) (map[string]map[string]float64, error) {
	all := map[string]map[string]float64{}
	for name, build := range servers {
		all[name] = map[string]float64{}
		for _, grant := range []string{"refresh_token", "client_credentials"} {
			handler, seed, err := build() // what one grant stored must not slow down the other
			if err != nil {
				return nil, err
			}
			tokens, err := seed(connections)
			if err != nil {
				return nil, err
			}
			n, began := 0, time.Now()
			for ; time.Since(began) < span; n++ {
				k := n % connections
				r, err := http.NewRequest("POST", "https://login.example/token", strings.NewReader(form(grant, tokens[k])))
				if err != nil {
					return nil, err
				}
				r.Header.Set("Content-Type", formType)
				w := &answer{header: http.Header{}, status: 200}
				handler.ServeHTTP(w, r)
				if tokens[k], err = issued(grant, w.status, w.Bytes()); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
			all[name][grant] = float64(n) / time.Since(began).Seconds()
		}
	}
	return all, nil
}

type answer struct {
	bytes.Buffer
	header http.Header
	status int
}

func (a *answer) Header() http.Header    { return a.header }
func (a *answer) WriteHeader(status int) { a.status = status }

// overLoopback requests tokens of a server on all connections without a pause, and returns requests
// per second.
func overLoopback(base, grant string, span time.Duration) (float64, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	post := func(token string) (string, error) {
		res, err := client.Post(base+"/token", formType, strings.NewReader(form(grant, token)))
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return "", err
		}
		return issued(grant, res.StatusCode, body)
	}
	res, err := client.Get(base + "/seed")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	var tokens []string
	if err := json.NewDecoder(res.Body).Decode(&tokens); err != nil || len(tokens) < connections {
		return 0, fmt.Errorf("no refresh tokens: %v", err)
	}
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		total  int
		failed error
	)
	began := time.Now()
	for _, token := range tokens[:connections] {
		wait.Go(func() {
			n := 0
			var err error
			for ; err == nil && time.Since(began) < span; n++ {
				token, err = post(token)
			}
			mu.Lock()
			defer mu.Unlock()
			total += n
			if err != nil {
				failed = err
			}
		})
	}
	wait.Wait()
	return float64(total) / time.Since(began).Seconds(), failed
}
