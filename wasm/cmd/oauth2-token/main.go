// Oauth2-token signs its user in at an OAuth 2 server from a terminal, and prints access tokens,
// refreshed if necessary, for other programs:
//
//	curl -H "Authorization: Bearer $(oauth2-token -config app.json)" https://api.example/
//
// It is oauth2-full.wasm on wazero, with a terminal around it. `oauth2-token -h` explains its use.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// program is one run.
type program struct {
	options
	source source
	client *oauth.Client // nil if an agent is used
	watch  *watch
	in     io.Reader
	out    io.Writer
	screen *screen
}

// run returns the exit status. The first of args is the program's name.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer, errOut *os.File) int {
	opts, err := parseArgs(args[0], args[1:], os.Getenv)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(out, usage())
		return exitOK
	}
	p := &program{options: opts, watch: &watch{}, in: in, out: out, screen: newScreen(errOut)}
	if err == nil {
		err = p.do(ctx)
	}
	if p.command == "serve" && errors.Is(err, context.Canceled) {
		err = nil
	}
	switch {
	case err == nil:
	case p.json:
		raw, _ := json.Marshal(agentError{explain(err), exitStatus(err)})
		p.screen.print("%s\n", raw)
	default:
		p.screen.print("oauth2-token: %s\n", explain(err))
	}
	return exitStatus(err)
}

func (p *program) do(ctx context.Context) error {
	if p.command == "completion" {
		_, err := io.WriteString(p.out, completion(p.argument))
		return err
	}
	if p.options.agent != "" {
		p.source = agent{p.options.agent}
		return p.give(ctx)
	}
	store, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	p.client, err = wasm.Open(ctx, p.config, wasm.Options{Client: oauth.Options{Store: store, OnEvent: p.event, OnEffect: p.watch.effect}})
	if err != nil {
		return err
	}
	defer p.client.Close()
	p.source = session{p.client, p.config}
	switch p.command {
	case "login":
		return p.login(ctx)
	case "logout":
		return p.logout(ctx)
	case "serve":
		return p.serve(ctx)
	}
	return p.give(ctx)
}

// give carries out the commands that only need tokens.
func (p *program) give(ctx context.Context) error {
	switch p.command {
	case "status":
		return p.status(ctx)
	case "whoami":
		return p.whoami(ctx)
	case "git-credential":
		return p.gitCredential(ctx)
	case "docker-credential":
		return p.dockerCredential(ctx)
	case "exec-credential":
		return p.execCredential(ctx)
	}
	return p.token(ctx)
}

// print writes a line of JSON.
func (p *program) print(answer any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(answer)
}

func (p *program) event(e oauth.Event) {
	p.watch.event(e)
	switch e.Name {
	case oauth.EventSessionRefused:
		p.screen.print("The session in %s is of another version of this program and is left alone.\n", p.dir)
	case oauth.EventRequestFailed:
		if errors.Is(e.Error, oauth.ErrNetwork) && e.Error.Op == "polling" { // polling continues by itself (RFC 8628 section 3.5)
			p.screen.print("The server cannot be reached; trying again …\n")
		}
	case oauth.EventNotPersisted:
		p.screen.print("The session cannot be written to %s.\n", p.dir)
	}
}
