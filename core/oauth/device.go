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
// a program without a browser. Show the user the URI and the code. Polling has already begun;
// DeviceWait waits for its end. An earlier flow of this session is discarded.
//
// An answer that lacks what section 3.2 requires is an error of kind token_not_found.
func (c *Client) DeviceAuthorize(ctx context.Context, p DeviceParams) (DeviceAuthorization, error) {
	begun, err := call[DeviceAuthorization](c.s, ctx, "device_start", p)
	return begun, asked("device_authorize", err)
}

// DeviceWait waits until the user has decided. It fails with OAuthError access_denied if the user
// refused, and with ErrExpired if the codes expired first. While the server cannot be reached it
// keeps waiting, and each failure is an event request_failed; call DeviceResume to poll again
// sooner. Without a flow it fails with the code no_device_code.
//
// If ctx is done first, polling goes on; DevicePause stops it. Several callers may wait at once.
func (c *Client) DeviceWait(ctx context.Context) (Status, error) {
	status, err := call[Status](c.s, ctx, "device_wait", nil)
	return status, asked("device_wait", err)
}

// DeviceResume resumes polling after DevicePause or a restart of the program. The first poll comes
// after one interval. If polling is running and waits longer because the network was down, the next
// poll comes one interval after the last. It fails with the code no_device_code if there is no flow
// or its code was used, and with ErrExpired if the codes have expired.
func (c *Client) DeviceResume(ctx context.Context) error {
	return asked("device_resume", c.s.do(ctx, "poll_start", nil, nil))
}

// DevicePause stops polling. If an answer is still under way, it is discarded; a token in it is
// revoked if the server supports that, and the device code is then used up.
func (c *Client) DevicePause(ctx context.Context) error {
	return asked("device_pause", c.s.do(ctx, "poll_stop", nil, nil))
}

// DeviceCancel stops polling and deletes the device flow, also from the store.
func (c *Client) DeviceCancel(ctx context.Context) error {
	return asked("device_cancel", c.s.do(ctx, "poll_stop", members(nil).boolean("forget", true), nil))
}
