package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

func (d *deviceFlow) pollStart(cmd *command) {
	dev, f := d.held, d.issuer.Tokenless()
	switch {
	case f != nil:
	case dev == nil:
		f = &link.Fault{Kind: link.KindClient, Code: "no_device_code"}
	case d.link.Now >= dev.expiresAt:
		f = deviceExpired()
		d.forget(f)
	case !dev.polling:
		d.startPolling(dev)
	case dev.lost > 0 && !dev.asking:
		// The interval is longer because the network was down, and the caller knows that it is
		// back.
		dev.lost = 0
		d.pollIn(dev, max(dev.at+dev.interval-d.link.Now, 1))
	}
	if f != nil {
		d.desk.fail(cmd, f)
		return
	}
	d.desk.finish(cmd, func(w *json.Writer) { w.MemberBool("polling", true) })
}

func deviceExpired() *link.Fault {
	return &link.Fault{Kind: link.KindExpired, Code: "device_code_expired"}
}

func (d *deviceFlow) pollStop(cmd *command, in json.Value) {
	if _, polling := d.status(); in.Get("forget").True() {
		d.giveUp()
	} else if polling {
		d.stopPolling(d.held)
	}
	d.paused = true
	d.desk.finish(cmd, func(w *json.Writer) { w.MemberBool("polling", false) })
}

func (d *deviceFlow) startPolling(dev *device) {
	dev.polling = true
	d.changed()
	d.pollIn(dev, dev.interval)
}

func (d *deviceFlow) stopPolling(dev *device) {
	dev.stop()
	d.link.Silence(&d.poll)
	d.changed()
	d.session.CatchUp()
}

func (d *device) stop() {
	d.polling = false
	if d.job != nil {
		d.job.Unsent = true
	}
}

// pollIn waits for the next poll, or for the codes' expiry if that comes first.
func (d *deviceFlow) pollIn(dev *device, wait int64) {
	d.link.Ring(&d.poll, min(d.link.Now+min(wait, link.MaxTime-d.link.Now), dev.expiresAt), func(failed string) {
		switch {
		case failed != "":
			d.pollFailed(dev, &link.Fault{Kind: link.KindClient, Code: failed}, false) // the host has no timers
		case d.link.Now >= dev.expiresAt:
			d.pollFailed(dev, deviceExpired(), true)
		case dev.asking:
			d.pollIn(dev, dev.interval) // a request from before a stop is not answered yet
		default:
			p := &pollRun{flow: d, device: dev}
			p.begin()
		}
	})
}

// A pollRun is one device access token request (RFC 8628 section 3.4). The endpoint and the keys
// for ID tokens have to be known before, because the server gives the tokens only once. Its methods
// are the steps: begin, discovered, send, answered, polled, received.
type pollRun struct {
	flow   *deviceFlow
	device *device
	job    wire.Job
}

func (p *pollRun) begin() {
	p.device.asking, p.device.at = true, p.flow.link.Now
	p.flow.issuer.Discovered(p.discovered)
}

func (p *pollRun) discovered(f *link.Fault) {
	if f != nil {
		p.unready(f)
		return
	}
	p.flow.issuer.WithKeys(p.device.requested, p.send)
}

// wanted reports whether its flow is still the current one.
func (p *pollRun) wanted() bool { return p.flow.held == p.device }

// unready postpones a poll because something else is missing.
func (p *pollRun) unready(f *link.Fault) {
	p.device.asking = false
	switch {
	case !p.wanted() || !p.device.polling:
	case f.Retryable:
		p.flow.pollLater(p.device, f)
	default:
		p.flow.pollFailed(p.device, f, false)
	}
}

func (p *pollRun) send(f *link.Fault) {
	d, dev, s := p.flow, p.device, p.flow.session
	if f != nil {
		p.unready(f)
		return
	}
	if d.held != dev || !dev.polling {
		dev.asking = false
		if d.held != dev {
			d.wire.DropKey(dev.key)
		}
		return
	}
	params := []form.Param{{Name: "grant_type", Value: "urn:ietf:params:oauth:grant-type:device_code"}, {Name: "device_code", Value: dev.code}}
	dev.job = &p.job
	s.TokenRequest(&p.job, config.StagePolling, d.config.TokenEndpoint, dev.key, append(params, d.config.Resources...), p.answered)
}

func (p *pollRun) answered(v json.Value, f *link.Fault) {
	d, dev, s := p.flow, p.device, p.flow.session
	dev.asking, dev.at = false, d.link.Now // a poll may have been sent twice, with a nonce
	if p.job.Unsent && f != nil {
		if d.held != dev {
			d.wire.DropKey(dev.key)
		}
		return // it was not sent: polling was stopped while its hooks ran
	}
	if f != nil {
		s.Redact(f, dev.code)
	}
	if d.held == dev && dev.polling {
		p.polled(v, f)
		return
	}
	if f == nil {
		s.Discard(&session.Tokens{Refresh: v.Get("refresh_token").Str(), Access: v.Get("access_token").Str(), Key: dev.key})
		if d.held == dev {
			d.forget(&link.Fault{Kind: link.KindClient, Code: "no_device_code"})
		}
	} else if d.held != dev {
		d.wire.DropKey(dev.key)
	}
}

// polled handles the answer of a poll (RFC 8628 section 3.5).
func (p *pollRun) polled(v json.Value, f *link.Fault) {
	d, dev := p.flow, p.device
	if f == nil || f.Kind != link.KindNetwork {
		dev.lost = 0
	}
	switch {
	case f == nil:
		dev.asking = true
		d.link.Silence(&d.poll)
		t, f := d.session.ReadTokens(v, d.session.NewGrant(dev.requested, dev.key), true)
		d.session.Receive(&session.Receipt{Tokens: t, Since: d.link.Turn, Want: issuer.Expected{MaxAge: -1}, Wanted: p.wanted, Done: p.received}, f)
	case f.Err == "authorization_pending", f.Err == "use_dpop_nonce":
		d.pollIn(dev, dev.interval)
	case f.Err == "slow_down":
		d.slower(dev, dev.interval+slowDown)
	case f.Code == "timeout":
		// Exponential back-off, which stays for the rest of the flow (section 3.5).
		d.slower(dev, dev.interval*2)
	case f.Err == "expired_token":
		f.Kind, f.Code = link.KindExpired, "device_code_expired"
		d.pollFailed(dev, f, true)
	case f.Kind == link.KindServer && (f.Retryable && !decisive(f.Err) || f.Err == "" && (f.Garbled || f.Status == 403 && v.Get("error").Kind() == json.None)):
		// A 403 without an error is what stands before the server, a firewall: the server itself
		// says 400 or 401 (RFC 6749 section 5.2).
		d.pollIn(dev, max(dev.interval, f.RetryAfter))
	case f.Kind == link.KindNetwork:
		d.pollLater(dev, f)
	default:
		// An error about the code is final. An error that says only that the client, or the proof,
		// is unknown is not.
		d.pollFailed(dev, f, f.Err != "" && f.Err != "invalid_client" && f.Err != "invalid_dpop_proof")
	}
}

func (p *pollRun) received(f *link.Fault) {
	p.device.asking = false
	switch {
	case !p.wanted():
	case f != nil:
		p.flow.pollFailed(p.device, f, true)
	default:
		p.flow.forget(nil)
	}
}

// decisive reports whether an error is about the code or the client, whatever the HTTP status is.
// Any other error with a status that means "later" is temporary: gateways have error codes of their
// own ("too_many_requests", "Internal Server Error").
func decisive(err string) bool {
	return words.Has("access_denied invalid_grant invalid_client unauthorized_client unsupported_grant_type invalid_request invalid_scope invalid_target invalid_dpop_proof", err)
}

// pollLater retries after a temporary failure, each time later, until the code expires. The caller
// need not do anything.
func (d *deviceFlow) pollLater(dev *device, f *link.Fault) {
	wait := max(dev.interval, min(dev.interval<<min(dev.lost, 8), wire.LongestWait), f.RetryAfter)
	dev.lost++
	d.pollIn(dev, wait)
	f.Op = config.StagePolling
	d.session.ReportOnce(f)
}

func (d *deviceFlow) slower(dev *device, interval int64) {
	dev.interval = min(interval, longestInterval)
	d.changed()
	d.pollIn(dev, dev.interval)
	d.keep(dev.encode(d.store), dev)
}

// pollFailed stops polling. over means that no other answer will come for this code.
func (d *deviceFlow) pollFailed(dev *device, f *link.Fault, over bool) {
	f.Op = config.StagePolling
	if over {
		f.Retryable = false
		d.forget(f)
	} else {
		d.stopPolling(dev)
		d.endWaits(f)
	}
	d.session.ReportOnce(f)
}
