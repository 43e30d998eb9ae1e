package oauth

import "context"

// DeviceParams are what DeviceAuthorize may be told. Both members may be left empty.
type DeviceParams struct {
	// Scope is requested in place of that of the configuration.
	Scope string `json:"scope,omitempty"`
	// Parameters are added to the device authorization request, as [name, value].
	Parameters [][2]string `json:"parameters,omitempty"`
}

// DeviceAuthorize begins a sign-in with the device authorization grant (RFC 8628 section 3.1), for
// a program without a browser. Show the user the URI and the code; polling has begun by itself, and
// DeviceWait tells how it ends. An earlier flow of this session is forgotten.
//
// An answer that lacks what section 3.2 requires is an error of kind token_not_found.
func (c *Client) DeviceAuthorize(ctx context.Context, p DeviceParams) (DeviceAuthorization, error) {
	begun, err := call[DeviceAuthorization](c.s, ctx, "device_start", p)
	return begun, asked("device_authorize", err)
}

// DeviceWait waits until the user has decided. It fails with OAuthError access_denied where the
// user refused, with ErrExpired where the codes ended first. A server that cannot be reached is
// waited for, each failure told by the event request_failed; DeviceResume then polls without the
// longer wait. Without a flow, so after its end too, it fails with the code no_device_code: begin
// to wait before the user decides.
//
// Where ctx is done first the polling goes on; DevicePause ends it. Several may wait at once.
func (c *Client) DeviceWait(ctx context.Context) (Status, error) {
	status, err := call[Status](c.s, ctx, "device_wait", nil)
	return status, asked("device_wait", err)
}

// DeviceResume goes on with the polling that DevicePause or a restart of the program stopped; the
// first poll comes after one interval. Where polling runs and waits for a lost connection, the next
// poll comes an interval after the last. It fails with the code no_device_code where no flow has
// begun or its code is spent, and with ErrExpired where the codes have ended.
func (c *Client) DeviceResume(ctx context.Context) error {
	return asked("device_resume", c.s.do(ctx, "poll_start", nil, nil))
}

// DevicePause stops the polling. An answer that is still under way is discarded; a token in it is
// revoked where the server can, and the device code is then spent.
func (c *Client) DevicePause(ctx context.Context) error {
	return asked("device_pause", c.s.do(ctx, "poll_stop", nil, nil))
}

// DeviceCancel stops the polling and forgets the device flow, in the store too.
func (c *Client) DeviceCancel(ctx context.Context) error {
	return asked("device_cancel", c.s.do(ctx, "poll_stop", members(nil).boolean("forget", true), nil))
}
