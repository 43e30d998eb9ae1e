package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lifetimes are short in the demo, so that users see tokens expire.
type lifetimes struct {
	token, session, deviceCode time.Duration
	// fresh is how long ago the sign-in may be for the secret.
	fresh time.Duration
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("web: ")
	var life lifetimes
	flag.DurationVar(&life.token, "token-lifetime", 75*time.Second, "how long an access token is good for")
	flag.DurationVar(&life.session, "session-lifetime", time.Hour, "how long a refresh token is good for; each refresh gives a new one")
	flag.DurationVar(&life.deviceCode, "device-code-lifetime", 5*time.Minute, "how long a code may be entered on the other device")
	flag.DurationVar(&life.fresh, "fresh", 30*time.Second, "how long ago the sign-in may be for the API's secret")
	phone := flag.String("phone", "", "address at which a phone in your network finds the page for the TV's code, or lan: the one of this machine; unencrypted, and for the demo account alone")
	to := flag.String("export", "", "write the pages into this folder, as files for any server, and end")
	flag.Parse()
	if *to != "" {
		if err := export(*to); err != nil {
			log.Fatal(err)
		}
		return
	}
	// SIGTERM is how process managers and tests end a server, SIGINT how a person does.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv("PORT"), life, *phone, announce); err != nil {
		log.Fatal(err)
	}
}

// announce says where the page is, and how a terminal signs in at the same server.
func announce(page, issuer string) {
	fmt.Printf("ready: %s\nterminal: go run ./wasm/cmd/oauth2-token -issuer %s -client-id %s -scope '%s' login\n", page, issuer, terminalID, terminalScope)
}

// run serves until ctx is done; ready is called with the page's URL and the issuer's once both
// origins listen.
func run(ctx context.Context, wanted string, life lifetimes, phone string, ready func(page, issuer string)) error {
	port, err := parsePort(wanted)
	if err != nil {
		return err
	}
	root, err := findRoot()
	if err != nil {
		return err
	}
	built, err := build(root)
	if err != nil {
		return err
	}
	pageListeners, port, err := listen(port, "127.0.0.1", "::1")
	if err != nil {
		return err
	}
	issuerListeners, issuerPort, err := listen(port+1, "127.0.0.1")
	if err != nil {
		return err
	}
	phone, err = phoneAddress(phone)
	if err != nil {
		return err
	}
	var phoneListeners []net.Listener
	var phoneOrigin string
	if phone != "" {
		var phonePort int
		if phoneListeners, phonePort, err = listen(issuerPort+1, phone); err != nil {
			return err
		}
		phoneOrigin = origin(phone, phonePort)
	}
	page := origin("localhost", port)
	issuer := origin("127.0.0.1", issuerPort)
	provider, err := newProvider(issuer, page, life)
	if err != nil {
		return err
	}
	if err := built.render(facts{ServerPage: strings.TrimPrefix(serverPath, "/"), Issuer: issuer, Phone: phoneOrigin, TokenLifetime: strconv.FormatInt(life.token.Milliseconds(), 10)}); err != nil {
		return err
	}
	site, err := newSite(built, compress(root, built), page, issuer)
	if err != nil {
		return err
	}
	site.docs = docs(root)

	failed := make(chan error, len(pageListeners)+len(issuerListeners)+len(phoneListeners))
	servers := []*http.Server{
		start(pageListeners, site, failed), start(issuerListeners, provider, failed),
		start(phoneListeners, forPhones(provider, strings.TrimPrefix(phoneOrigin, "http://")), failed),
	}
	ready(page+"/", issuer)
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	for _, s := range servers {
		// A page that keeps its connection open must not keep the server running.
		grace, cancel := context.WithTimeout(context.Background(), time.Second)
		if s.Shutdown(grace) != nil {
			s.Close()
		}
		cancel()
	}
	return err
}

func start(listeners []net.Listener, handler http.Handler, failed chan<- error) *http.Server {
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	for _, l := range listeners {
		go func() {
			if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	return s
}
