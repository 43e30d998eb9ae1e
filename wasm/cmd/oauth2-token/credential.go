package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Credential helpers: other programs start this one to get a token for a host. Only hosts that the
// user named get one, and only over https: the host comes from the address of a repository or an
// image, which anybody may have written.

// mostInput is the longest request, in bytes.
const mostInput = 64 << 10

var errInput = errors.New("the request cannot be read")

// allows reports whether a host may have the token: it must be one of -host, with its port if that
// is not 443.
func (p *program) allows(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ":443")
	return host != "" && slices.ContainsFunc(p.hosts, func(known string) bool {
		return strings.TrimSuffix(strings.ToLower(known), ":443") == host
	})
}

// credential returns a token that fits on a line. Characters other than visible ASCII could end the
// line and begin another.
func (p *program) credential(ctx context.Context) (tokenAnswer, error) {
	token, err := p.source.token(ctx, false)
	if err == nil && strings.ContainsFunc(token.AccessToken, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return tokenAnswer{}, errors.New("the token has characters that are not allowed in a credential")
	}
	return token, err
}

// gitCredential speaks git's protocol (gitcredentials(7), git-credential(1)). For a host that the
// user did not name it prints nothing, and git asks the next helper.
func (p *program) gitCredential(ctx context.Context) error {
	asked, err := readGit(p.in)
	if err != nil {
		return err
	}
	switch p.argument {
	case "get":
		if asked["protocol"] != "https" || !p.allows(asked["host"]) {
			return nil
		}
		if name := asked["username"]; name != "" && name != p.username {
			return nil
		}
		token, err := p.credential(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "username=%s\npassword=%s\n", p.username, token.AccessToken)
		if !token.ExpiresAt.IsZero() {
			fmt.Fprintf(p.out, "password_expiry_utc=%d\n", token.ExpiresAt.Unix())
		}
	case "erase":
		// git says so of a password that the host refused.
		if asked["protocol"] != "https" || !p.allows(asked["host"]) || asked["password"] == "" {
			return nil
		}
		if token, err := p.source.token(ctx, false); err == nil && token.AccessToken == asked["password"] {
			_, err := p.source.token(ctx, true)
			return err
		}
	case "store": // it is stored here already
	}
	return nil
}

// readGit reads lines NAME=VALUE up to an empty one. A value with a control character is refused:
// some readers have treated a carriage return as the end of a line (CVE-2024-52006).
func readGit(in io.Reader) (map[string]string, error) {
	raw, err := readInput(in)
	if err != nil {
		return nil, err
	}
	asked := map[string]string{}
	for line := range strings.SplitSeq(raw, "\n") {
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return nil, usageError{errInput}
		}
		if !strings.HasSuffix(name, "[]") { // lists, such as capability[], ask for features that are not supported here
			asked[name] = value
		}
	}
	if address := asked["url"]; address != "" { // it replaces the members that it contains
		u, err := url.Parse(address)
		if err != nil {
			return nil, usageError{errInput}
		}
		asked["protocol"], asked["host"] = u.Scheme, u.Host
		if u.User != nil {
			asked["username"] = u.User.Username()
		}
	}
	return asked, nil
}

// readInput reads a whole request. A request that is too long is refused, not truncated.
func readInput(in io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(in, mostInput+1))
	if err == nil && len(raw) > mostInput {
		err = usageError{errInput}
	}
	return string(raw), err
}

// notFound is the text on standard output by which docker recognizes a host without credentials.
const notFound = "credentials not found in native keychain"

// dockerCredential speaks the protocol of docker-credential-helpers.
func (p *program) dockerCredential(ctx context.Context) error {
	raw, err := readInput(p.in)
	if err != nil {
		return err
	}
	switch p.argument {
	case "get":
		server := strings.TrimSpace(raw)
		host, ok := registry(server)
		if !ok {
			return usageError{errInput}
		}
		if !p.allows(host) {
			fmt.Fprintln(p.out, notFound)
			return errNoCredential
		}
		token, err := p.credential(ctx)
		if err != nil {
			fmt.Fprintln(p.out, explain(err))
			return err
		}
		return p.print(struct{ ServerURL, Username, Secret string }{server, p.username, token.AccessToken})
	case "list":
		all := map[string]string{}
		for _, host := range p.hosts {
			all["https://"+host] = p.username
		}
		return p.print(all)
	case "store", "erase": // it is kept here already, and `logout` forgets it
	}
	return nil
}

// registry returns the host in docker's request: a host, or an https URL.
func registry(server string) (host string, ok bool) {
	if strings.ContainsFunc(server, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return "", false
	}
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.User != nil || u.Host == "" {
		return "", false
	}
	if u.Scheme != "https" {
		return "", true // it cannot be one of the user's hosts
	}
	return u.Host, true
}

// execInfo is what kubectl puts into the environment.
type execInfo struct {
	APIVersion string `json:"apiVersion"`
	Spec       struct {
		Cluster *struct {
			Server string `json:"server"`
		} `json:"cluster"`
	} `json:"spec"`
}

// execCredential prints an ExecCredential for kubectl (client-go credential plugins).
func (p *program) execCredential(ctx context.Context) error {
	info := execInfo{APIVersion: "client.authentication.k8s.io/v1"}
	if raw := os.Getenv("KUBERNETES_EXEC_INFO"); raw != "" {
		if err := json.Unmarshal([]byte(raw), &info); err != nil {
			return usageErrorf("KUBERNETES_EXEC_INFO: %w", errInput)
		}
	}
	if info.APIVersion != "client.authentication.k8s.io/v1" && info.APIVersion != "client.authentication.k8s.io/v1beta1" {
		return usageErrorf("kubectl asks for an ExecCredential of %q; this program knows client.authentication.k8s.io/v1 and v1beta1", info.APIVersion)
	}
	// With provideClusterInfo kubectl names the cluster for which it needs the token.
	if c := info.Spec.Cluster; c != nil && len(p.hosts) > 0 {
		u, err := url.Parse(c.Server)
		if err != nil || u.Scheme != "https" || !p.allows(u.Host) {
			return usageErrorf("the cluster %q is not one of -host", c.Server)
		}
	}
	token, err := p.credential(ctx)
	if err != nil {
		return err
	}
	type status struct {
		Token   string     `json:"token"`
		Expires *time.Time `json:"expirationTimestamp,omitempty"`
	}
	s := status{Token: token.AccessToken}
	if p.idToken {
		if s.Token = token.IDToken; s.Token == "" {
			return errors.New("there is no ID token in this session; ask for the scope openid")
		}
	}
	if !token.ExpiresAt.IsZero() {
		at := token.ExpiresAt.UTC().Truncate(time.Second)
		s.Expires = &at
	}
	return p.print(struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Status     status `json:"status"`
	}{info.APIVersion, "ExecCredential", s})
}
