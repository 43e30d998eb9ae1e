package authserver

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// userCodeTries is how many user codes are drawn before a device is told to come again. With the codes that
// are free far in the majority, as RFC 8628 section 5.1 needs them, one is all but always enough.
const userCodeTries = 4

// deviceAuthorization is the device authorization endpoint (RFC 8628 sections 3.1 and 3.2).
func (s *Server) deviceAuthorization(c *call) (Response, error) {
	p, err := c.form()
	if err != nil {
		return Response{}, err
	}
	client, err := s.authenticateClient(c, p)
	if err != nil {
		return Response{}, err
	}
	if !client.CheckGrantType(GrantDeviceCode) {
		return Response{}, badRequest("unauthorized_client", "the client may not use the device code grant")
	}
	scope, err := s.requestedScope(client, p)
	if err != nil {
		return Response{}, err
	}
	deviceCode, userCode, err := s.newDevice(c.Now, client, scope)
	if err != nil {
		return Response{}, err
	}
	verificationURI := s.cfg.Issuer + devicePath
	return jsonResponse(http.StatusOK, deviceAuthorizationResponse{
		DeviceCode:              deviceCode,
		UserCode:                showUserCode(userCode),
		VerificationURI:         verificationURI,
		VerificationURIComplete: verificationURI + "?" + url.Values{"user_code": {showUserCode(userCode)}}.Encode(),
		ExpiresIn:               int64(s.cfg.DeviceCodeLifetime / time.Second),
		Interval:                int64(s.cfg.DeviceInterval / time.Second),
	}), nil
}

// deviceAuthorizationResponse is the successful response of RFC 8628 section 3.2.
type deviceAuthorizationResponse struct {
	DeviceCode              string `json:"device_code"`
	UserCode                string `json:"user_code"`
	VerificationURI         string `json:"verification_uri"`
	VerificationURIComplete string `json:"verification_uri_complete"`
	ExpiresIn               int64  `json:"expires_in"` // seconds
	Interval                int64  `json:"interval"`   // seconds
}

func (s *Server) newDevice(now time.Time, client Client, scope string) (deviceCode, userCode string, err error) {
	if deviceCode, err = s.secret(); err != nil {
		return "", "", err
	}
	grant, err := s.secret()
	if err != nil {
		return "", "", err
	}
	for range userCodeTries {
		if userCode, err = s.newUserCode(); err != nil {
			return "", "", err
		}
		err = s.cfg.Store.SaveDevice(DeviceRecord{
			Digest:    DigestOf(deviceCode),
			UserCode:  DigestOf(userCode),
			ClientID:  client.ClientID,
			Scope:     scope,
			IssuedAt:  now,
			ExpiresIn: s.cfg.DeviceCodeLifetime,
			Interval:  s.cfg.DeviceInterval,
			Status:    DevicePending,
			Grant:     grant,
		})
		if !errors.Is(err, ErrUserCodeTaken) {
			return deviceCode, userCode, err
		}
	}
	return "", "", ErrUnavailable
}

// redeemDevice answers a poll (RFC 8628 sections 3.4 and 3.5).
func (s *Server) redeemDevice(r tokenRequest) (Token, error) {
	if r.params["device_code"] == "" {
		return Token{}, invalidRequest("device_code is missing")
	}
	device, err := s.cfg.Store.Device(DigestOf(r.params["device_code"]))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Token{}, err
	}
	if err != nil || device.ClientID != r.client.ClientID {
		return Token{}, invalidGrant("the device code is not valid")
	}
	switch {
	case device.Status == DeviceRedeemed:
		// A replay is noticed after the device code's lifetime too.
	case device.IsExpired(r.now):
		return Token{}, badRequest("expired_token", "the device code has expired")
	case device.Status == DeviceDenied:
		return Token{}, badRequest("access_denied", "the user refused")
	case device.Status == DevicePending:
		// slow_down is a kind of authorization_pending: who is decided about need not wait.
		early, err := s.cfg.Store.PollDevice(device.Digest, r.now)
		switch {
		case err != nil:
			return Token{}, err
		case early:
			return Token{}, badRequest("slow_down", "the interval is not over; it is five seconds longer now")
		}
		return Token{}, badRequest("authorization_pending", "the user has not decided yet")
	}
	resources, err := s.resources(r.params, nil)
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newToken(r, grant{scope: device.Scope, user: device.User, name: device.Grant, resources: resources})
	if err != nil {
		return Token{}, err
	}
	err = s.cfg.Store.RedeemDevice(device.Digest, record)
	switch {
	case errors.Is(err, ErrReplayed):
		s.count(func(st *Stats) { st.CodeReplays++ })
		return Token{}, invalidGrant("the device code was used before")
	case errors.Is(err, ErrNotFound):
		return Token{}, invalidGrant("the device code is not valid")
	case err != nil:
		return Token{}, err
	}
	return issued, nil
}
