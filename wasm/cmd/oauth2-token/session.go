package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

func (p *program) token(ctx context.Context) error {
	token, err := p.client.Token(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, token.AccessToken)
	return err
}

func (p *program) status(ctx context.Context) error {
	s, err := p.client.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "client:   %s\n", p.config.Name)
	if d := s.Device; d != nil && d.ExpiresAt.After(time.Now()) {
		fmt.Fprintf(p.out, "sign-in:  begun, code %s for %s; `oauth2-token login` goes on with it\n", d.UserCode, left(time.Until(d.ExpiresAt)))
	}
	if s.Status != oauth.StatusGranted {
		return errNotSignedIn
	}
	fmt.Fprintf(p.out, "scope:    %s\n", s.Scope)
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
