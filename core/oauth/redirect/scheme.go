package redirect

import (
	"context"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// HandleRedirect finishes a sign-in if url is a response for the client's redirect URI, as
// com.example.app:/cb. Otherwise handled is false, and the URL is left to whatever else the program
// does with its URI scheme.
//
// The operating system gives such URLs to the program that registered the scheme (RFC 8252 section
// 7.1). With an error, handled says whether the URL was recognized before.
func HandleRedirect(ctx context.Context, client *oauth.Client, url string) (handled bool, result oauth.CallbackResult, err error) {
	if handled, err = client.Matches(ctx, url); err != nil || !handled {
		return handled, oauth.CallbackResult{}, err
	}
	result, err = client.Callback(ctx, url)
	return true, result, err
}
