//go:build !js

// Command drive is what `make rates` puts around a backend: the authorization server and the API
// behind it, and the browsers in front, in a process of its own. It is told what to do by lines of
// JSON, and answers each with one:
//
//	{"do":"sign_in","origin":O,"sessions":N}         so many users sign in at the backend of an origin
//	{"do":"tokens","origin":O,"sessions":N}          so many users who bring their tokens themselves
//	{"do":"saturate","origin":O,"seconds":S}         32 requests at any time: {"rate":…}
//	{"do":"run","origin":O,"rate":R,"seconds":S}     R requests a second, whatever the answers take
//
// It begins with {"issuer":…,"api":…}. With -plain URL it is no driver but the reverse proxy of
// Go's standard library, which prints "ready: " when it listens.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("drive: ")
	plain := flag.String("plain", "", "be a reverse proxy to this URL")
	addr := flag.String("addr", "", "where that listens")
	life := flag.Duration("access-token", 5*time.Minute, "how long an access token is good for")
	flag.DurationVar(&patience, "patience", patience, "how long an answer may take")
	flag.Parse()
	if *plain != "" {
		log.Fatal(serveProxy(*addr, *plain))
	}
	a, err := newAuthority(*life)
	if err != nil {
		log.Fatal(err)
	}
	say(map[string]any{"issuer": a.issuer, "api": a.issuer + "/api"})
	d := &driver{authority: a, targets: map[string]*target{}}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var o order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			log.Fatal(err)
		}
		answer, err := d.carryOut(o)
		if err != nil {
			answer = map[string]any{"error": err.Error()}
		}
		say(answer)
	}
}

func say(v any) {
	if err := json.NewEncoder(os.Stdout).Encode(v); err != nil {
		log.Fatal(err)
	}
}

// serveProxy serves the reverse proxy of the standard library, as its documentation shows it.
func serveProxy(addr, to string) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) },
		// Two connections to a host, the default, would be all that is measured.
		Transport: &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
	}
	log.SetPrefix("")
	go log.Print("ready: ")
	return (&http.Server{Addr: addr, Handler: proxy, ReadHeaderTimeout: 10 * time.Second}).ListenAndServe()
}
