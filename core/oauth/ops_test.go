package oauth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// E93: the Op of an error is the method that was called, even if the engine's command has another
// name.
func TestErrorOps(t *testing.T) {
	c := open(t, native(t), &peer{}, oauth.Options{})
	closed := open(t, native(t), &peer{}, oauth.Options{})
	closed.Close()
	for op, call := range map[string]func(context.Context, *oauth.Client) error{
		"device_authorize": func(ctx context.Context, c *oauth.Client) error {
			_, err := c.DeviceAuthorize(ctx, oauth.DeviceParams{})
			return err
		},
		"device_wait": func(ctx context.Context, c *oauth.Client) error {
			_, err := c.DeviceWait(ctx)
			return err
		},
		"device_resume": func(ctx context.Context, c *oauth.Client) error { return c.DeviceResume(ctx) },
		"fresh_token": func(ctx context.Context, c *oauth.Client) error {
			_, err := c.FreshToken(ctx)
			return err
		},
	} {
		for _, client := range []*oauth.Client{c, closed} {
			err := call(t.Context(), client)
			if e, ok := errors.AsType[*oauth.Error](err); !ok || e.Op != op {
				t.Errorf("%s: %v", op, err)
			}
		}
	}
	for op, err := range map[string]error{"device_pause": closed.DevicePause(t.Context()), "device_cancel": closed.DeviceCancel(t.Context())} {
		if e, ok := errors.AsType[*oauth.Error](err); !ok || e.Op != op || !errors.Is(err, oauth.ErrClosed) {
			t.Errorf("%s: %v", op, err)
		}
	}
}
