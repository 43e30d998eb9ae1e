package oauth

import (
	"context"
	"time"
)

// DeviceParams are what DeviceAuthorize may be told. Both members may be left empty.
type DeviceParams struct {
	// Scope is requested in place of that of the configuration.
	Scope string `json:"scope,omitempty"`
	// Parameters are added to the device authorization request, as [name, value].
	Parameters [][2]string `json:"parameters,omitempty"`
}

// DeviceAuthorization is a device flow that has begun (RFC 8628 section 3.2). It holds what the user may see; the device code stays
// with the session.
type DeviceAuthorization struct {
	// UserCode is what the user enters at VerificationURI.
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	// VerificationURIComplete has the user code in it, for a QR code or a link; empty where the server gave none (section 3.3.1).
	VerificationURIComplete string `json:"verification_uri_complete"`
	// ExpiresAt is when the codes end.
	ExpiresAt time.Time `json:"-"`
	// Interval is the pause before each poll. It grows where the server asks for that (section 3.5).
	Interval time.Duration `json:"-"`
	// Polling: the session asks the server whether the user has decided.
	Polling bool `json:"polling"`
}

// read reads the ok of the command device_start, and an event.
func (d *DeviceAuthorization) read(r *reader) {
	for r.begin('{'); r.more('}'); {
		switch string(r.name()) {
		case "user_code":
			d.UserCode = r.text()
		case "verification_uri":
			d.VerificationURI = r.text()
		case "verification_uri_complete":
			d.VerificationURIComplete = r.text()
		case "expires_at":
			d.ExpiresAt = atMilli(r.integer())
		case "interval_ms":
			d.Interval = milliseconds(r.integer())
		case "polling":
			d.Polling = r.boolean()
		default:
			r.raw()
		}
	}
}

// DeviceAuthorize begins a sign-in with the device authorization grant (RFC 8628 section 3.1), for a program without a browser. Show
// the user the URI and the code; polling has begun by itself, and DeviceWait tells how it ends. An earlier flow of this session is
// forgotten.
//
// An answer that lacks what section 3.2 requires is an error of kind token_not_found.
func (c *Client) DeviceAuthorize(ctx context.Context, p DeviceParams) (DeviceAuthorization, error) {
	begun, err := call[DeviceAuthorization](c.s, ctx, "device_start", p)
	return begun, asked("device_authorize", err)
}

// DeviceWait waits until the user has decided. It fails with OAuthError access_denied where the user refused, with ErrExpired where
// the codes ended first. A server that cannot be reached is waited for, each failure told by the event request_failed; DeviceResume then
// polls without the longer wait. Without a flow, so after its end too, it fails with the code no_device_code: begin to wait before the user decides.
//
// Where ctx is done first the polling goes on; DevicePause ends it. Several may wait at once.
func (c *Client) DeviceWait(ctx context.Context) (Status, error) {
	status, err := call[Status](c.s, ctx, "device_wait", nil)
	return status, asked("device_wait", err)
}

// DeviceResume goes on with the polling that DevicePause or a restart of the program stopped; the first poll comes after one interval.
// Where polling runs and waits for a lost connection, the next poll comes an interval after the last. It fails with the code no_device_code where no flow has begun or its code is
// spent, and with ErrExpired where the codes have ended.
func (c *Client) DeviceResume(ctx context.Context) error {
	return asked("device_resume", c.s.do(ctx, "poll_start", nil, nil))
}

// DevicePause stops the polling. An answer that is still under way is discarded; a token in it is revoked where the server can, and the
// device code is then spent.
func (c *Client) DevicePause(ctx context.Context) error {
	return asked("device_pause", c.s.do(ctx, "poll_stop", nil, nil))
}

// DeviceCancel stops the polling and forgets the device flow, in the store too.
func (c *Client) DeviceCancel(ctx context.Context) error {
	return asked("device_cancel", c.s.do(ctx, "poll_stop", members(nil).boolean("forget", true), nil))
}
