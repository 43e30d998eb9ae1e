//go:build linux

package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// A user signs in, with a program of their own.
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
	var config oauth.Config
	if err := json.Unmarshal(f.config(), &config); err != nil {
		return nil, err
	}
	config.UserAgent = "user"
	c, err := oauth.Open(context.Background(), new(core.Engine), config, oauth.Options{Store: dir})
	if err != nil {
		return nil, err
	}
	return ourUser{c}, nil
}

// config is that of the plain clients.
func (f *fleet) config() json.RawMessage {
	raw, _ := json.Marshal(map[string]any{
		"name": "agents", "client_id": site.ClientID, "issuer": f.site.Issuer, "discovery": true, "redirect_uri": site.RedirectURI,
		"scope": site.Scope, "resource": []string{f.site.Resource}, "token_destinations": []string{f.site.Resource},
	})
	return raw
}

// configOf writes the configuration of an oauth2-token.
func (f *fleet) configOf(s *slot) string {
	var config map[string]any
	json.Unmarshal(s.Config, &config)
	config["user_agent"] = s.Agent
	raw, _ := json.Marshal(config)
	file := filepath.Join(f.o.folder, s.Agent+".json")
	os.WriteFile(file, raw, 0o600)
	return file
}

type ourUser struct{ c *oauth.Client }

func (u ourUser) signedIn(ctx context.Context) bool {
	st, err := u.c.Status(ctx)
	return err == nil && st.Status == oauth.StatusGranted
}

func (u ourUser) signIn(ctx context.Context) error {
	a, err := u.c.Authorize(ctx, oauth.AuthorizeParams{})
	if err != nil {
		return err
	}
	arrived, err := site.Browse(ctx, a.URL)
	if err != nil {
		return err
	}
	_, err = u.c.Callback(ctx, arrived)
	return err
}

func (u ourUser) close() error { return u.c.Close() }

// A fileUser signs in to the file that the SDKs' providers share.
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
