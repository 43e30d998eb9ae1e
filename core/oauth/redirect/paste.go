package redirect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// maxPaste is beyond any URL that a server sends a browser to.
const maxPaste = 64 << 10

var errLong = errors.New("oauth2: redirect: the pasted line is too long")

// PasteCode signs in where no browser reaches the program: show tells the user the authorization
// URL, and the user pastes what came of it, the code or the whole address, as a line of in. Lines
// without a character are passed over. The client's configuration names the redirect URI.
//
// Nothing behind the line is read. When ctx is done PasteCode returns, but its read goes on until
// in gives something or ends.
//
// Errors are the client's, show's, in's, that of ctx, or io.ErrUnexpectedEOF where in ends before a
// line.
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

// readLine reads byte by byte, since what stands behind the line is the caller's.
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
