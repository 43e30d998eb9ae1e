package authserver

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// device is the verification URI (RFC 8628 section 3.3): a form for the user code, sign-in,
// consent, and the outcome. A code in the address only fills in the form, so a user who follows a
// stranger's link must still compare it with the device's code (section 5.4). The server looks up
// codes only for users who are signed in, which limits guessing.
func (s *Server) device(c *call) (Response, error) {
	b, err := s.browser(c)
	if err != nil {
		return s.errorPage(err), nil
	}
	var code string // as the user entered it, or empty
	if letters, ok := readUserCode(c.target.Query().Get("user_code")); ok {
		code = showUserCode(letters)
	}
	var resp Response
	if c.Method == http.MethodPost {
		resp, err = s.deviceForm(c, b, code)
	} else {
		resp, err = s.userCodePage(c, b, code, "")
	}
	if err != nil {
		return s.errorPage(err), nil
	}
	return resp, nil
}

// deviceForm handles a form. Its token is bound to the code, so a user can decide only about a code
// that was looked up for that user.
func (s *Server) deviceForm(c *call, b browser, code string) (Response, error) {
	form, err := c.form()
	if err != nil {
		return Response{}, invalidRequest("The form cannot be read.")
	}
	step := stepDeviceConsent
	switch form["action"] {
	case "continue":
		step = stepUserCode
	case "sign-in":
		step = stepDeviceSignIn
	}
	if b.id == "" || !s.checkInteraction(c.Now, form["interaction"], step, b.id, c.target.Query()) {
		return s.userCodePage(c, b, cmp.Or(code, form["user_code"]), alertOutOfDate)
	}
	switch step {
	case stepUserCode:
		return s.enterUserCode(c, b, form["user_code"])
	case stepDeviceSignIn:
		return s.deviceSignIn(c, b, form, code)
	}
	if !b.signedIn {
		return s.deviceSignInPage(c, b, code, "", alertSignedOut)
	}
	switch form["action"] {
	case "approve":
		return s.decideDevice(c, b, code, DeviceApproved)
	case "deny":
		return s.decideDevice(c, b, code, DeviceDenied)
	case "switch":
		if _, err := s.signOut(c.Now, b); err != nil {
			return Response{}, err
		}
		return s.deviceSignInPage(c, b, code, "", "")
	}
	return Response{}, invalidRequest("The form cannot be read.")
}

// enterUserCode continues after the form with the code.
func (s *Server) enterUserCode(c *call, b browser, typed string) (Response, error) {
	code, ok := readUserCode(typed)
	if !ok {
		return s.userCodePage(c, b, typed, "A code has eight letters. Please enter it as your device shows it.")
	}
	shown := showUserCode(code)
	if !b.signedIn {
		return s.deviceSignInPage(c, b, shown, "", "")
	}
	device, err := s.findDevice(c, b.session.User, code)
	if wait, ok := errors.AsType[errWait](err); ok {
		return s.waitPage(c, b, shown, time.Duration(wait))
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return s.userCodePage(c, b, shown, "That code is not right. Please compare it with the one your device shows.")
	case err != nil:
		return Response{}, err
	case device.IsExpired(c.Now):
		return s.userCodePage(c, b, shown, "That code has expired. Please get a new one on your device.")
	case device.Status != DevicePending:
		return s.userCodePage(c, b, shown, "That code has been used. Please get a new one on your device.")
	}
	client, err := s.client(c, device.ClientID)
	if err != nil {
		return Response{}, err
	}
	query := url.Values{"user_code": {shown}}
	return s.formPage(c, b, "device-consent", stepDeviceConsent, query, page{
		Title:    "Allow access",
		Client:   client.displayName(),
		Host:     documentHost(client.ClientID),
		Action:   s.deviceURL(query),
		UserCode: shown,
		Username: b.session.User,
		Name:     s.cfg.Users[b.session.User].Name,
		Scopes:   s.scopes.describe(strings.Fields(device.Scope)),

		Resources: device.Resources,
		Details:   device.AuthorizationDetails,
	})
}

// deviceSignIn answers with the next page directly. After a redirect, the user would have to
// confirm the code again.
func (s *Server) deviceSignIn(c *call, b browser, form params, code string) (Response, error) {
	right, err := s.checkPassword(c, form)
	if err != nil {
		return Response{}, err
	}
	if !right {
		return s.deviceSignInPage(c, b, code, form["username"], alertPassword)
	}
	b, cookie, err := s.startSession(c, b, form["username"], s.standardACR())
	if err != nil {
		return Response{}, err
	}
	resp, err := s.enterUserCode(c, b, code)
	if err != nil {
		resp = s.errorPage(err)
	}
	resp.Header.Set("Set-Cookie", cookie)
	return resp, nil
}

func (s *Server) decideDevice(c *call, b browser, shown string, decision DeviceStatus) (Response, error) {
	code, _ := readUserCode(shown)
	device, err := s.cfg.Store.DeviceByUserCode(DigestOf(code))
	if err == nil && device.IsExpired(c.Now) {
		err = ErrNotFound
	}
	if err == nil {
		err = s.cfg.Store.DecideDevice(device.Digest, decision, b.session.User)
	}
	if errors.Is(err, ErrNotFound) {
		return s.userCodePage(c, b, "", "That code has expired or has been used. Please get a new one on your device.")
	}
	if err != nil {
		return Response{}, err
	}
	name, title := "device-approved", "Device connected"
	if decision == DeviceDenied {
		name, title = "device-denied", "Access denied"
	}
	return s.page(name, http.StatusOK, page{Title: title}), nil
}

// userCodePage shows the code in the form unchanged.
func (s *Server) userCodePage(c *call, b browser, code, alert string) (Response, error) {
	query := url.Values{}
	return s.formPage(c, b, "device", stepUserCode, query, page{
		Title:    "Connect a device",
		Action:   s.deviceURL(query),
		Alert:    alert,
		UserCode: code,
	})
}

func (s *Server) waitPage(c *call, b browser, code string, wait time.Duration) (Response, error) {
	resp, err := s.userCodePage(c, b, code, "That was a wrong code too often. Please try again in "+inMinutes(wait)+".")
	if err != nil {
		return Response{}, err
	}
	resp.Status = http.StatusTooManyRequests
	tooMany(wait).sayWhen(resp)
	return resp, nil
}

func (s *Server) deviceSignInPage(c *call, b browser, code, username, alert string) (Response, error) {
	query := url.Values{"user_code": {code}}
	return s.signInPage(c, b, stepDeviceSignIn, query, page{
		Client:   "your device",
		Action:   s.deviceURL(query),
		Alert:    alert,
		Username: username,
	})
}

// deviceURL is the address of the verification pages. Like the other addresses, it has no host.
func (s *Server) deviceURL(query url.Values) string {
	u := url.URL{Path: s.issuer.Path + devicePath, RawQuery: query.Encode()}
	return u.String()
}

// findDevice returns the device authorization with the user code that the user entered, in any
// state; or ErrNotFound; or errWait. Look-ups run one at a time, so that parallel guesses all
// count.
func (s *Server) findDevice(c *call, user, code string) (DeviceRecord, error) {
	now := c.Now
	s.wrong.mu.Lock()
	defer s.wrong.mu.Unlock()
	if wait := s.wrong.wait(now, user); wait > 0 {
		return DeviceRecord{}, errWait(wait)
	}
	// A user with many accounts guesses no faster than with ten.
	var here []share
	if c.source != "" {
		here = append(here, share{countUserCode, c.source, wrongCodesAccounts * wrongCodesMost, 1, wrongCodesWait})
	}
	if err := s.limiter.counts.admit(now, true, here...); err != nil {
		return DeviceRecord{}, errWait(err.(*protocolError).retryAfter)
	}
	device, err := s.cfg.Store.DeviceByUserCode(DigestOf(code))
	if errors.Is(err, ErrNotFound) {
		s.wrong.add(now, user)
		_ = s.limiter.counts.admit(now, false, here...) // nobody else counts at the same time
	}
	return device, err
}
