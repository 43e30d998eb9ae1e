//go:build linux

// Soak makes ten processes of four kinds use one credential while faults happen: processes are
// killed and stopped, the disk is full, answers of the authorization server are lost. It counts
// what happens to the credential. It does the same with the providers of the MCP SDKs and a file
// that they share.
//
// The authorization server's log shows who is to blame for a sign-out: a refresh token that was
// used twice has a cause if the process that got the first answer died, lost it, or could not store
// it.
//
// It exits with status 1 if our clients were signed out without such a cause or, with a grace
// period at the server, at all.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("soak: ")
	if role := os.Getenv(roleVariable); role != "" {
		play(role)
		return
	}
	o := options{}
	seconds := flag.Int("seconds", 15, "how long each row takes")
	of := flag.String("of", "ours,sdk", "whose clients: ours, sdk")
	graces := flag.String("grace", "30s,0s", "how long a rotated refresh token may come again, a row each")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the faults")
	flag.BoolVar(&o.verbose, "v", false, "tell what happens")
	flag.Parse()
	if os.Getenv(insideVariable) == "" {
		enter()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o.lasts = time.Duration(*seconds) * time.Second
	if err := o.prepare(); err != nil {
		log.Fatal(err)
	}
	status := 0
	var table []string
	for _, clients := range strings.Split(*of, ",") {
		for _, grace := range strings.Split(*graces, ",") {
			lasts, err := time.ParseDuration(grace)
			if err != nil {
				log.Fatal(err)
			}
			row, err := o.run(ctx, clients, lasts)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(row)
			if clients == ours && !row.good() {
				status = 1
			}
			table = append(table, row.line())
		}
	}
	os.RemoveAll(o.folder)
	fmt.Printf("\n%s\n%s\n", heading, strings.Join(table, "\n"))
	fmt.Printf("\nseed %d; full disk: %s\n", o.seed, fullBy())
	os.Exit(status)
}

// run makes one row: a site, a directory, ten processes, and faults.
func (o *options) run(ctx context.Context, clients string, grace time.Duration) (*row, error) {
	f, err := newFleet(o, clients, grace)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.lasts)
	defer cancel()
	if err := f.signIn(ctx); err != nil {
		return nil, fmt.Errorf("the first sign-in: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.live(ctx)
	}()
	f.trouble(ctx, rand.New(rand.NewPCG(o.seed, uint64(grace))))
	<-done
	return f.judge(), f.close()
}
