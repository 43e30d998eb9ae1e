package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// servers make a token endpoint at /token. seed returns n refresh tokens that it accepts.
var servers = map[string]func() (handler http.Handler, seed func(n int) ([]string, error), err error){
	"authserver": newAuthserver,
	"fosite":     newFosite,
}

const (
	public, service, secret = "app", "service", "a secret of the benchmark"
	scope                   = "notes"
)

func main() {
	log.SetFlags(0)
	serve := flag.String("serve", "", "serve authserver or fosite, at a port of loopback")
	load := flag.String("load", "", "the URL of a server that is asked for tokens")
	grant := flag.String("grant", "refresh_token", "how: refresh_token or client_credentials")
	span := flag.Duration("for", time.Second, "how long")
	flag.Parse()
	var err error
	switch {
	case *serve != "":
		err = serveTokens(*serve)
	case *load != "":
		err = printed(overLoopback(*load, *grant, *span))
	default:
		err = printed(inProcess(*span))
	}
	if err != nil {
		log.Fatal(err)
	}
}

func printed(v any, err error) error {
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(v)
}

func serveTokens(name string) error {
	build, ok := servers[name]
	if !ok {
		return fmt.Errorf("there is no server %q", name)
	}
	handler, seed, err := build()
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/token", handler)
	mux.HandleFunc("/seed", func(w http.ResponseWriter, r *http.Request) {
		list, err := seed(connections)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		json.NewEncoder(w).Encode(list)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready: http://%s\n", l.Addr())
	return http.Serve(l, mux)
}

// form is the body of a token request.
func form(grant, refreshToken string) string {
	if grant == "client_credentials" {
		return "grant_type=client_credentials&client_id=" + service + "&client_secret=" + strings.ReplaceAll(secret, " ", "+") + "&scope=" + scope
	}
	return "grant_type=refresh_token&client_id=" + public + "&refresh_token=" + refreshToken
}

// issued returns the next refresh token in an answer, or checks that there is an access token.
func issued(grant string, status int, body []byte) (refreshToken string, err error) {
	member := `"refresh_token":"`
	if grant == "client_credentials" {
		member = `"access_token":"`
	}
	_, rest, ok := strings.Cut(string(body), member)
	value, _, _ := strings.Cut(rest, `"`)
	if status != http.StatusOK || !ok || value == "" {
		return "", fmt.Errorf("%s: %d %s", grant, status, body)
	}
	return value, nil
}
