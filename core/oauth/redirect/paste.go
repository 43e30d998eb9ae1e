package redirect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// maxPaste is longer than any URL to which a server sends a browser.
const maxPaste = 64 << 10

var errLong = errors.New("oauth2: redirect: the pasted line is too long")

// PasteCode signs in if no browser can reach the program: show tells the user the authorization
// URL, and the user pastes the result, the code or the whole address, as a line of in. Empty lines
// are skipped. The client's configuration names the redirect URI.
//
// Nothing after the line is read. When ctx is done, PasteCode returns, but its read goes on until
// in gives something or ends.
//
// Errors come from the client, show, in or ctx; if in ends before a line, the error is
// io.ErrUnexpectedEOF.
func PasteCode(ctx context.Context, client *oauth.Client, in io.Reader, show func(url string) error) (oauth.Status, error) {
	begun, err := client.Authorize(ctx, oauth.AuthorizeParams{})
	if err != nil {
		return oauth.Status{}, err
	}
	if err := show(begun.URL); err != nil {
		return oauth.Status{}, err
	}
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := readLine(in)
		read <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return oauth.Status{}, fmt.Errorf("oauth2: redirect: nothing was pasted: %w", ctx.Err())
	case pasted := <-read:
		if errors.Is(pasted.err, errLong) {
			return oauth.Status{}, pasted.err
		}
		if pasted.err != nil {
			return oauth.Status{}, fmt.Errorf("oauth2: redirect: nothing was pasted: %w", pasted.err)
		}
		return client.CallbackPasted(ctx, pasted.text, begun.State)
	}
}

// readLine reads byte by byte, because what follows the line belongs to the caller.
func readLine(in io.Reader) (string, error) {
	var line strings.Builder
	for b := make([]byte, 1); line.Len() <= maxPaste; {
		n, err := in.Read(b)
		if n == 1 && b[0] != '\n' {
			line.WriteByte(b[0])
		}
		if n == 1 && b[0] == '\n' || err != nil {
			text := strings.TrimSpace(line.String())
			switch {
			case text != "" && (err == nil || errors.Is(err, io.EOF)):
				return text, nil
			case errors.Is(err, io.EOF):
				return "", io.ErrUnexpectedEOF
			case err != nil:
				return "", err
			}
			line.Reset()
		}
	}
	return "", errLong
}
