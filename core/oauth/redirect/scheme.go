package redirect

import (
	"context"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// HandleRedirect finishes a sign-in if url is a response for the client's redirect URI, such as
// com.example.app:/cb. Otherwise handled is false, and the program may use the URL for something
// else.
//
// The operating system gives such URLs to the program that registered the scheme (RFC 8252 section
// 7.1). With an error, handled says whether the URL was recognized as a response.
func HandleRedirect(ctx context.Context, client *oauth.Client, url string) (handled bool, result oauth.CallbackResult, err error) {
	if handled, err = client.Matches(ctx, url); err != nil || !handled {
		return handled, oauth.CallbackResult{}, err
	}
	result, err = client.Callback(ctx, url)
	return true, result, err
}
