package redirect

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// SignIn signs in with the authorization code grant: it listens, gives open the authorization URL,
// and waits for the response.
//
// open sends the user's browser there, or shows the URL; its error ends the sign-in. Any website
// can call a loopback port, so only a reply with the state of this sign-in ends the wait: with the
// session, or with an error of the server or the client. Every other reply is refused. The page and
// Options.Terminal say why, and show what the reply said, marked as unverified.
//
// The attempt ends after Config.AttemptLife with ErrExpired, or earlier with ctx. Other errors come
// from the client, open and Listen. If SignIn ends without a reply and has refused some, its error
// also wraps the last refusal.
func SignIn(ctx context.Context, client *oauth.Client, opts Options, open func(url string) error) (oauth.Status, error) {
	a := &clientAttempt{client: client}
	err := Complete(ctx, a, opts, open)
	return a.status, err
}

// Attempt is a sign-in of something that has a client, as mcp.SignIn is one.
type Attempt interface {
	// Begin gives the authorization URL of a sign-in with this redirect URI.
	Begin(ctx context.Context, redirectURI string) (oauth.Authorization, error)
	// Finish takes the URL at which the browser arrived.
	Finish(ctx context.Context, redirect string) error
}

// Complete is SignIn for an Attempt.
func Complete(ctx context.Context, attempt Attempt, opts Options, open func(url string) error) error {
	l, err := Listen(opts)
	if err != nil {
		return err
	}
	defer l.Close()
	begun, err := attempt.Begin(ctx, l.RedirectURI())
	if err != nil {
		return err
	}

	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waiting, end := context.WithTimeoutCause(waiting, begun.Life, &oauth.Error{Kind: oauth.KindExpired, Code: "attempt_expired", Op: "sign_in", BeginAgain: true})
	defer end()
	go func() { // it may wait for the browser
		if err := open(begun.URL); err != nil {
			cancel(err)
		}
	}()
	told := newTerminal(opts.Terminal)
	var refusal error
	for {
		r, err := l.Accept(waiting)
		if err != nil {
			if ctx.Err() == nil {
				err = context.Cause(waiting)
			}
			if refusal != nil {
				err = fmt.Errorf("%w; the last reply was refused: %w", err, refusal)
			}
			return err
		}
		err = attempt.Finish(ctx, r.URL)
		if err == nil || ctx.Err() != nil || answers(r.URL, begun.State) && !errors.Is(err, oauth.ErrCallbackNotVerified) {
			r.Finish(err)
			return err
		}
		refusal = err
		r.refuse(err)
		told.refusal(err)
	}
}

// clientAttempt is a sign-in of a client itself.
type clientAttempt struct {
	client *oauth.Client
	status oauth.Status
}

func (a *clientAttempt) Begin(ctx context.Context, redirectURI string) (oauth.Authorization, error) {
	return a.client.Authorize(ctx, oauth.AuthorizeParams{RedirectURI: redirectURI})
}

func (a *clientAttempt) Finish(ctx context.Context, redirect string) error {
	result, err := a.client.Callback(ctx, redirect)
	a.status = result.Status
	return err
}

// answers reports whether a reply has this state, which only the server and the user's browser
// know. The state only ends the wait; the client has verified the reply. A signed reply has the
// state in its JWT (JWT Secured Authorization Response Mode section 2.1).
func answers(reply, state string) bool {
	u, err := url.Parse(reply)
	if err != nil {
		return false
	}
	query := u.Query()
	signed := query.Get("response")
	if signed == "" {
		return query.Get("state") == state
	}
	parts := strings.Split(signed, ".")
	if len(parts) != 3 {
		return false
	}
	var claims struct {
		State string `json:"state"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	return err == nil && json.Unmarshal(raw, &claims) == nil && claims.State == state
}
