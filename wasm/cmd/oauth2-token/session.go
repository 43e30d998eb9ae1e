package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

func (p *program) token(ctx context.Context) error {
	token, err := p.source.token(ctx, false)
	if err != nil {
		return err
	}
	if p.idToken {
		if token.AccessToken = token.IDToken; token.IDToken == "" {
			return errors.New("there is no ID token in this session; ask for the scope openid")
		}
	}
	if p.json {
		if !p.idToken {
			token.IDToken = ""
		}
		return p.print(token)
	}
	_, err = fmt.Fprintln(p.out, token.AccessToken)
	return err
}

func (p *program) status(ctx context.Context) error {
	s, err := p.source.status(ctx)
	switch {
	case err != nil:
		return err
	case p.json:
		err = p.print(s)
	default:
		p.tell(s)
	}
	if err == nil && !s.SignedIn {
		return errNotSignedIn
	}
	return err
}

// tell prints the status for a person.
func (p *program) tell(s statusAnswer) {
	fmt.Fprintf(p.out, "client:   %s\n", printable(s.Client))
	if d := s.Device; d != nil {
		fmt.Fprintf(p.out, "sign-in:  begun, code %s for %s; `oauth2-token login` goes on with it\n", printable(d.UserCode), left(time.Until(d.ExpiresAt)))
	}
	if !s.SignedIn {
		return
	}
	fmt.Fprintf(p.out, "scope:    %s\n", printable(s.Scope))
	ends := "unknown when"
	if !s.ExpiresAt.IsZero() {
		ends = s.ExpiresAt.Local().Format(time.DateTime)
		if s.Expired {
			ends += ", which is over"
		}
	}
	renewed := "cannot be refreshed"
	if s.Refreshable {
		renewed = "is refreshed when it is asked for"
	}
	fmt.Fprintf(p.out, "token:    ends %s; %s\n", ends, renewed)
}

func (p *program) whoami(ctx context.Context) error {
	who, err := p.source.whoami(ctx)
	if err != nil {
		return err
	}
	if p.json {
		return p.print(who)
	}
	for _, line := range []struct{ name, value string }{
		{"client", who.Client}, {"issuer", who.Issuer}, {"subject", who.Subject}, {"name", who.Name}, {"username", who.Username}, {"email", who.Email},
	} {
		if line.value != "" {
			fmt.Fprintf(p.out, "%-9s %s\n", line.name+":", printable(line.value))
		}
	}
	return nil
}

func (p *program) logout(ctx context.Context) error {
	err := p.client.DeviceCancel(ctx)
	if err != nil {
		return err
	}
	done, err := p.client.LogOut(ctx, oauth.LogOutParams{})
	switch {
	case err != nil && !errors.Is(err, &oauth.Error{Code: "not_signed_in"}):
		return err
	case p.json:
		return p.print(struct {
			Client  string `json:"client"`
			Revoked bool   `json:"revoked"`
			URL     string `json:"end_session_url,omitempty"`
		}{p.config.Name, done.Revoked, done.URL})
	case done.Revoked:
		p.screen.print("Signed out; the server confirmed it.\n")
	default:
		p.screen.print("Signed out here.\n")
	}
	if done.URL != "" {
		p.screen.print("A browser that is signed in at the server stays so; to end that too, open there\n\n    %s\n\n", done.URL)
	}
	return nil
}
