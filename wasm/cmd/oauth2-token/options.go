package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// options are what the user asked for.
type options struct {
	command, argument     string
	config                oauth.Config
	file, provider        string
	dir                   string
	loopback, paste, noQR bool
	json                  bool
	keyring               bool
	idToken               bool
	agent, socket         string
	hosts                 []string // for which credential helpers return the token
	username              string
}

// usageError is an error in the command line.
type usageError struct{ error }

func usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

const secretVariable = "OAUTH2_CLIENT_SECRET"

// command is a command of the command line, with the arguments that it may have.
type command struct {
	name      string
	arguments []string
	// tokens means that it only needs tokens, so an agent can serve it.
	tokens bool
}

var commands = []command{
	{name: "login"},
	{name: "token", tokens: true},
	{name: "status", tokens: true},
	{name: "whoami", tokens: true},
	{name: "logout"},
	{name: "serve"},
	{name: "git-credential", tokens: true, arguments: []string{"get", "store", "erase"}},
	{name: "docker-credential", tokens: true, arguments: []string{"get", "store", "erase", "list"}},
	{name: "exec-credential", tokens: true},
	{name: "completion", arguments: shells},
}

// dockerPrefix begins the name under which docker starts a helper: docker-credential-oauth2-token
// is a link to this program.
const dockerPrefix = "docker-credential-"

// settings are the flags for members of the configuration.
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

// flags are those of the command line, for all commands.
func (o *options) flags(overrides map[string]string) *flag.FlagSet {
	flags := flag.NewFlagSet("oauth2-token", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.StringVar(&o.file, "config", "", "")
	flags.StringVar(&o.provider, "provider", "", "")
	flags.StringVar(&o.dir, "dir", "", "")
	flags.BoolVar(&o.loopback, "loopback", false, "")
	flags.BoolVar(&o.paste, "paste", false, "")
	flags.BoolVar(&o.noQR, "no-qr", false, "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.BoolVar(&o.keyring, "keyring", false, "")
	flags.BoolVar(&o.idToken, "id-token", false, "")
	flags.StringVar(&o.agent, "agent", "", "")
	flags.StringVar(&o.socket, "socket", "", "")
	flags.StringVar(&o.username, "username", "oauth2", "")
	flags.Func("host", "", func(host string) error { o.hosts = append(o.hosts, host); return nil })
	for _, s := range settings {
		flags.Func(s.name, "", func(value string) error { overrides[s.name] = value; return nil })
	}
	return flags
}

// parseArgs reads the command line, the file and the environment. Flags may come before and after
// the command. name is the name with which the program was started.
func parseArgs(name string, args []string, getenv func(string) string) (options, error) {
	var o options
	overrides := map[string]string{}
	flags := o.flags(overrides)
	if strings.HasPrefix(filepath.Base(name), dockerPrefix) {
		args = append([]string{"docker-credential"}, args...)
	}
	var known command
	for rest := args; ; {
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return o, err
		} else if err != nil {
			return o, usageError{err}
		}
		if rest = flags.Args(); len(rest) == 0 {
			break
		}
		word := rest[0]
		rest = rest[1:]
		if c, ok := commandOf(word); ok && o.command == "" {
			o.command, known = word, c
		} else if o.argument == "" && slices.Contains(known.arguments, word) {
			o.argument = word
		} else if known.arguments != nil && o.argument == "" {
			return o, usageErrorf("%q is not an argument of %s: %s", word, o.command, strings.Join(known.arguments, ", "))
		} else {
			return o, usageErrorf("%q is not a command here", word)
		}
	}
	if o.command == "" {
		o.command = "token"
		known, _ = commandOf("token")
	}
	switch {
	case known.arguments != nil && o.argument == "":
		return o, usageErrorf("%s needs one of %s", o.command, strings.Join(known.arguments, ", "))
	case o.loopback && o.paste:
		return o, usageErrorf("-loopback and -paste exclude each other")
	case o.agent != "" && !known.tokens:
		return o, usageErrorf("-agent is for commands that need a token and nothing else; %s is for a session", o.command)
	case strings.ContainsFunc(o.username, unicode.IsControl):
		return o, usageErrorf("-username has a character that is not allowed in a credential")
	case o.command == "completion":
		return o, nil
	}
	if o.dir == "" {
		base, err := os.UserConfigDir()
		if err != nil {
			return o, usageErrorf("no directory for the session, use -dir: %w", err)
		}
		o.dir = filepath.Join(base, "oauth2-wasm")
	}
	if o.agent == "" && known.tokens {
		o.agent = getenv(agentVariable)
	}
	if o.socket == "" {
		o.socket = filepath.Join(o.dir, "agent.sock")
	}
	said, err := readConfig(o.file, filepath.Join(o.dir, "config.json"))
	if err != nil {
		return o, usageError{err}
	}
	if len(o.hosts) == 0 {
		o.hosts = said.Hosts
	}
	for _, host := range o.hosts {
		if !isHost(host) {
			return o, usageErrorf("%q is not a host: give a name, and a port if that is not 443", host)
		}
	}
	if o.agent != "" {
		return o, nil // the agent knows its session
	}
	if o.config, err = configure(said, o.provider, overrides, getenv); err != nil {
		return o, usageError{err}
	}
	return o, nil
}

// isHost reports whether text is a host, with or without a port, and not a URL or a pattern.
func isHost(text string) bool {
	u, err := url.Parse("https://" + text)
	return err == nil && u.Host == text && u.Hostname() != "" && !strings.ContainsAny(text, "*@ ")
}
