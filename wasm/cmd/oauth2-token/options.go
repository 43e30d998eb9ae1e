package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// options are what the user asked for.
type options struct {
	command               string
	config                oauth.Config
	dir                   string
	loopback, paste, noQR bool
}

// usageError is one that the user's words caused.
type usageError struct{ error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

const secretVariable = "OAUTH2_CLIENT_SECRET"

var commands = []string{"login", "token", "status", "logout"}

// settings are the flags that stand for a member of the configuration.
var settings = []struct {
	name   string
	member func(*oauth.Config) *string
}{
	{"client-id", func(c *oauth.Config) *string { return &c.ClientID }},
	{"issuer", func(c *oauth.Config) *string { return &c.Issuer }},
	{"authorization-endpoint", func(c *oauth.Config) *string { return &c.AuthorizationEndpoint }},
	{"device-authorization-endpoint", func(c *oauth.Config) *string { return &c.DeviceAuthorizationEndpoint }},
	{"token-endpoint", func(c *oauth.Config) *string { return &c.TokenEndpoint }},
	{"revocation-endpoint", func(c *oauth.Config) *string { return &c.RevocationEndpoint }},
	{"redirect-uri", func(c *oauth.Config) *string { return &c.RedirectURI }},
	{"scope", func(c *oauth.Config) *string { return &c.Scope }},
}

// parseArgs reads the command line, the file and the environment. Flags may stand before and behind the command.
func parseArgs(args []string, getenv func(string) string) (options, error) {
	var o options
	var file, provider string
	overrides := map[string]string{}
	flags := flag.NewFlagSet("oauth2-token", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringVar(&file, "config", "", "")
	flags.StringVar(&provider, "provider", "", "")
	flags.StringVar(&o.dir, "dir", "", "")
	flags.BoolVar(&o.loopback, "loopback", false, "")
	flags.BoolVar(&o.paste, "paste", false, "")
	flags.BoolVar(&o.noQR, "no-qr", false, "")
	for _, s := range settings {
		flags.Func(s.name, "", func(value string) error { overrides[s.name] = value; return nil })
	}
	for rest := args; ; {
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return o, err
		} else if err != nil {
			return o, usageError{err}
		}
		if rest = flags.Args(); len(rest) == 0 {
			break
		}
		if o.command != "" || !slices.Contains(commands, rest[0]) {
			return o, usageErrorf("%q is not a command here", rest[0])
		}
		o.command, rest = rest[0], rest[1:]
	}
	if o.command == "" {
		o.command = "token"
	}
	if o.loopback && o.paste {
		return o, usageErrorf("-loopback and -paste exclude each other")
	}
	if o.dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return o, usageErrorf("no directory for the session, use -dir: %w", err)
		}
		o.dir = filepath.Join(base, "oauth2-wasm")
	}
	var err error
	if o.config, err = configure(file, filepath.Join(o.dir, "config.json"), provider, overrides, getenv); err != nil {
		return o, usageError{err}
	}
	return o, nil
}
