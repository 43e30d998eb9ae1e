package authserver

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// userCodeTries is how many user codes are tried before a device is asked to retry later. Nearly
// all codes are free, as RFC 8628 section 5.1 requires, so one try is almost always enough.
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
	scope, err := s.scopes.requested(p["scope"], client.askableScope(p["scope"], s.scopes))
	if err != nil {
		return Response{}, err
	}
	resources, err := s.resources(p, nil)
	if err != nil {
		return Response{}, err
	}
	details, err := s.authorizationDetails(p)
	if err != nil {
		return Response{}, err
	}
	// Expired ones are stored for another lifetime.
	if err := s.limiter.admit(c, countDevice, client.ClientID, s.cfg.Limits.DeviceAuthorizations, 1+len(details)>>10, 2*s.cfg.DeviceCodeLifetime); err != nil {
		return Response{}, err
	}
	deviceCode, userCode, err := s.newDevice(DeviceRecord{
		ClientID: client.ClientID, Scope: scope, Resources: resources, AuthorizationDetails: details, IssuedAt: c.Now,
	})
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

// newDevice stores a device authorization. d holds what was requested.
func (s *Server) newDevice(d DeviceRecord) (deviceCode, userCode string, err error) {
	if deviceCode, err = s.random.secret(); err != nil {
		return "", "", err
	}
	if d.Grant, err = s.random.secret(); err != nil {
		return "", "", err
	}
	d.Digest, d.Status = DigestOf(deviceCode), DevicePending
	d.ExpiresIn, d.Interval = s.cfg.DeviceCodeLifetime, s.cfg.DeviceInterval
	for range userCodeTries {
		if userCode, err = newUserCode(s.random); err != nil {
			return "", "", err
		}
		d.UserCode = DigestOf(userCode)
		err = s.cfg.Store.SaveDevice(d)
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
		// A replay is detected after the device code's lifetime, too.
		return Token{}, s.replayed("the device code", codeReplays, s.cfg.Store.RedeemDevice(device.Digest, TokenRecord{}))
	case device.IsExpired(r.now):
		return Token{}, badRequest("expired_token", "the device code has expired")
	case device.Status == DeviceDenied:
		return Token{}, badRequest("access_denied", "the user refused")
	case device.Status == DevicePending:
		// slow_down is a kind of authorization_pending: once the user has decided, the device need
		// not wait.
		early, err := s.cfg.Store.PollDevice(device.Digest, r.now)
		switch {
		case err != nil:
			return Token{}, err
		case early:
			return Token{}, badRequest("slow_down", "the interval is not over; it is five seconds longer now")
		}
		return Token{}, badRequest("authorization_pending", "the user has not decided yet")
	}
	resources, err := s.resources(r.params, device.Resources)
	if err == nil {
		err = s.sameDetails(r.params, device.AuthorizationDetails)
	}
	if err != nil {
		return Token{}, err
	}
	issued, record, err := s.newToken(r, grant{scope: device.Scope, user: device.User, name: device.Grant, resources: resources,
		details: device.AuthorizationDetails})
	if err != nil {
		return Token{}, err
	}
	record.GrantResources = device.Resources
	if err := s.cfg.Store.RedeemDevice(device.Digest, record); err != nil {
		return Token{}, s.replayed("the device code", codeReplays, err)
	}
	return issued, nil
}
