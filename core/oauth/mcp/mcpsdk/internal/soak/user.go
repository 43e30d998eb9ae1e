//go:build linux

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// A user signs in with their own program.
type user interface {
	signedIn(context.Context) bool
	signIn(context.Context) error
	close() error
}

func (f *fleet) user() (user, error) {
	if f.row.clients == sdk {
		return fileUser{f}, nil
	}
	dir, err := filestore.Open(f.disk.path)
	if err != nil {
		return nil, err
	}
	c, err := mcp.Open(context.Background(), new(core.Engine), f.agentConfig("user"), oauth.Options{Store: dir})
	if err != nil {
		return nil, err
	}
	return ourUser{c, f.site.Resource}, nil
}

// agentConfig is the configuration of the adapters.
func (f *fleet) agentConfig(agent string) mcp.Config { return agentConfig(f.site.Issuer, agent) }

func agentConfig(issuer, agent string) mcp.Config {
	return mcp.Config{
		RedirectURI: site.RedirectURI, PrivateOrigins: []string{issuer}, UserAgent: agent,
		Clients: []oauth.Config{{Issuer: issuer, ClientID: site.ClientID}},
	}
}

// config is the configuration of the plain clients, which use the adapters' session. The directory
// shows its name.
func (f *fleet) config() json.RawMessage {
	name := "oauth2"
	if found, _ := filepath.Glob(filepath.Join(f.disk.path, "value-oauth2.*.session")); len(found) == 1 {
		parts := strings.Split(filepath.Base(found[0]), ".") // value-oauth2, the resource, the issuer and client, session
		resource, err := url.PathUnescape(parts[1])
		if err == nil {
			name += "." + resource
		}
	}
	raw, _ := json.Marshal(map[string]any{
		"name": name, "client_id": site.ClientID, "issuer": f.site.Issuer, "discovery": true, "redirect_uri": site.RedirectURI,
		"resource": []string{f.site.Resource}, "token_destinations": []string{f.site.Resource},
	})
	return raw
}

// configOf writes the configuration for an oauth2-token.
func (f *fleet) configOf(s *slot) string {
	var config map[string]any
	json.Unmarshal(s.Config, &config)
	config["user_agent"] = s.Agent
	raw, _ := json.Marshal(config)
	file := filepath.Join(f.o.folder, s.Agent+".json")
	os.WriteFile(file, raw, 0o600)
	return file
}

type ourUser struct {
	c   *mcp.Client
	url string
}

func (u ourUser) signedIn(ctx context.Context) bool {
	c, err := u.c.Client(ctx, u.url)
	if err != nil {
		return false
	}
	st, err := c.Status(ctx)
	return err == nil && st.Status == oauth.StatusGranted
}

// signIn sends a request to the resource, which refuses it, and signs in as the answer requires.
func (u ourUser) signIn(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	s, err := u.c.Challenged(ctx, res, "")
	if err != nil || s == nil {
		return err
	}
	a, err := s.Begin(ctx, "")
	if err != nil {
		return err
	}
	arrived, err := site.Browse(ctx, a.URL)
	if err != nil {
		return err
	}
	return s.Finish(ctx, arrived)
}

func (u ourUser) close() error { return u.c.Close() }

// A fileUser signs in for the file that the SDKs' providers share.
type fileUser struct{ f *fleet }

func (u fileUser) file() tokenFile {
	return tokenFile{path: filepath.Join(u.f.disk.path, "tokens.json"), config: configOfSDK(u.f.site.Issuer)}
}

func (u fileUser) signedIn(context.Context) bool {
	t, err := u.file().read()
	return err == nil && u.f.site.Good(t.RefreshToken)
}

func (u fileUser) signIn(ctx context.Context) error {
	verifier := oauth2.GenerateVerifier()
	file := u.file()
	resource := oauth2.SetAuthURLParam("resource", u.f.site.Resource)
	arrived, err := site.Browse(ctx, file.config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), resource))
	if err != nil {
		return err
	}
	reply, err := url.Parse(arrived)
	if err != nil {
		return err
	}
	t, err := file.config.Exchange(ctx, reply.Query().Get("code"), oauth2.VerifierOption(verifier), resource)
	if err != nil {
		return err
	}
	return file.write(t)
}

func (u fileUser) close() error { return nil }
