package redirect

import (
	"context"
	"errors"

	"github.com/oauth2-wasm/oauth2-wasm/core/drive"
)

// SignIn signs in with the authorization code grant: it listens, gives open the authorization URL, and waits for the response.
//
// open sends the user's browser there, or shows the URL; its error ends the sign-in. A response that the client refuses, such as
// one with another's state, gets a page that says so and does not end the waiting, since anybody can make one; every other
// failure, the server's own error among them, does. An attempt stands for as long as Config.AttemptLifeMS says; ctx may end the waiting before.
//
// Errors are the client's, open's, those of Listen, or that of ctx; the last one wraps the refusal too, where there was one.
func SignIn(ctx context.Context, client *drive.Client, opts Options, open func(url string) error) (drive.Status, error) {
	l, err := Listen(opts)
	if err != nil {
		return drive.Status{}, err
	}
	defer l.Close()
	begun, err := client.Authorize(ctx, drive.AuthorizeParams{RedirectURI: l.RedirectURI()})
	if err != nil {
		return drive.Status{}, err
	}

	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // it may wait for the browser
		if err := open(begun.URL); err != nil {
			cancel(err)
		}
	}()
	var refusal error
	for {
		r, err := l.Accept(waiting)
		if err != nil {
			if ctx.Err() == nil {
				err = context.Cause(waiting)
			}
			return drive.Status{}, errors.Join(err, refusal)
		}
		result, err := client.Callback(ctx, r.URL)
		r.Finish(err)
		if errors.Is(err, drive.ErrCallbackNotVerified) {
			refusal = err
			continue
		}
		return result.Status, err
	}
}
