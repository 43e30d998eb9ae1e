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
// can call a loopback port, so only a reply with the state of this sign-in ends the waiting: with
// the session, or with what the server or the client says against it. Every other reply is refused;
// the page and Options.Terminal say why, and what the reply said, which counts for nothing.
//
// The attempt ends after Config.AttemptLife with ErrExpired, or before that with ctx. Other errors
// are the client's, open's and those of Listen. Where replies were refused meanwhile, the error of
// an end without a reply wraps the last refusal too.
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

// answers tells whether a reply has this state, which nobody knows but the server and the user's
// browser. It ends the waiting and gives no right to anything: which reply is good the client has
// judged. A signed reply has it in its JWT (JWT Secured Authorization Response Mode section 2.1).
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
