package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

func (c *client) pollStart(cmd *command, _ json.Value) {
	d, f := c.device, c.canPoll()
	switch {
	case f != nil:
	case d == nil:
		f = &link.Fault{Kind: link.KindClient, Code: "no_device_code"}
	case c.Now >= d.expiresAt:
		f = deviceExpired()
		c.forgetDevice(f)
	case !d.polling:
		c.startPolling(d)
	case d.lost > 0 && !d.asking:
		// It waits longer for want of a network: whoever asks knows better.
		d.lost = 0
		c.pollIn(d, max(d.at+d.interval-c.Now, 1))
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	c.finish(cmd, func(w *json.Writer) { w.MemberBool("polling", true) })
}

func deviceExpired() *link.Fault {
	return &link.Fault{Kind: link.KindExpired, Code: "device_code_expired"}
}

func (c *client) pollStop(cmd *command, in json.Value) {
	if in.Get("forget").True() {
		c.giveUpDevice()
	} else if c.polling() {
		c.stopPolling(c.device)
	}
	c.paused = true
	c.finish(cmd, func(w *json.Writer) { w.MemberBool("polling", false) })
}

// deviceWait waits for the end of the flow, whatever happens on the way.
func (c *client) deviceWait(cmd *command, _ json.Value) {
	c.deviceWaits = append(c.deviceWaits, cmd)
	switch {
	case c.device != nil:
	case c.over:
		c.endWaits(c.ended)
	default:
		c.fail(cmd, &link.Fault{Kind: link.KindClient, Code: "no_device_code"})
	}
}

func (c *client) startPolling(d *device) {
	d.polling = true
	c.deviceChanged()
	c.pollIn(d, d.interval)
}

func (c *client) stopPolling(d *device) {
	d.stop()
	c.Silence(&c.poll)
	c.deviceChanged()
	c.catchUp()
}

func (d *device) stop() {
	d.polling = false
	if d.cmd != nil {
		d.cmd.unsent = true
	}
}

// pollIn waits for the next poll, or for the end of the codes if that comes first.
func (c *client) pollIn(d *device, wait int64) {
	c.Ring(&c.poll, min(c.Now+min(wait, link.MaxTime-c.Now), d.expiresAt), func(failed string) {
		switch {
		case failed != "":
			c.pollFailed(d, &link.Fault{Kind: link.KindClient, Code: failed}, false) // a host without timers
		case c.Now >= d.expiresAt:
			c.pollFailed(d, deviceExpired(), true)
		case d.asking:
			c.pollIn(d, d.interval) // an answer from before a stop is still awaited
		default:
			c.pollOnce(d)
		}
	})
}

// pollOnce polls, once it is known where, and there are keys for what may come: what a poll brings comes once.
func (c *client) pollOnce(d *device) {
	d.asking, d.at = true, c.Now
	c.discovered(func(f *link.Fault) {
		if f != nil {
			c.unready(d, f)
			return
		}
		c.withKeys(d.requested, func(f *link.Fault) {
			if f != nil {
				c.unready(d, f)
				return
			}
			c.sendPoll(d)
		})
	})
}

// unready puts a poll off for want of something else.
func (c *client) unready(d *device, f *link.Fault) {
	d.asking = false
	switch {
	case c.device != d || !d.polling:
	case f.Retryable:
		c.pollLater(d, f)
	default:
		c.pollFailed(d, f, false)
	}
}

// pollLater goes on after a failure in passing, each time later, until the code ends: nobody has to lend a hand.
func (c *client) pollLater(d *device, f *link.Fault) {
	wait := max(d.interval, min(d.interval<<min(d.lost, 8), longestWait), f.RetryAfter)
	d.lost++
	c.pollIn(d, wait)
	f.Op = stagePolling
	c.reportOnce(f)
}

// sendPoll is the device access token request (section 3.4).
func (c *client) sendPoll(d *device) {
	if c.device != d || !d.polling {
		d.asking = false
		if c.device != d {
			c.dropKey(d.key)
		}
		return
	}
	params := []form.Param{{Name: "grant_type", Value: "urn:ietf:params:oauth:grant-type:device_code"}, {Name: "device_code", Value: d.code}}
	cmd := &command{}
	d.cmd = cmd
	c.tokenRequest(cmd, stagePolling, c.config.token, d.key, append(params, c.resource...), func(v json.Value, f *link.Fault) {
		d.asking, d.at = false, c.Now // one poll may have been sent again, with a nonce
		if cmd.unsent && f != nil {
			if c.device != d {
				c.dropKey(d.key)
			}
			return // it never left: polling was stopped while its hooks ran
		}
		if f != nil {
			c.redact(f, d.code)
		}
		if c.device != d || !d.polling {
			if f == nil {
				c.discard(&tokens{refresh: v.Get("refresh_token").Str(), access: v.Get("access_token").Str(), key: d.key})
				if c.device == d {
					c.forgetDevice(&link.Fault{Kind: link.KindClient, Code: "no_device_code"})
				}
			} else if c.device != d {
				c.dropKey(d.key)
			}
			return
		}
		c.polled(d, v, f)
	})
}

// polled takes the answer of a poll (section 3.5).
func (c *client) polled(d *device, v json.Value, f *link.Fault) {
	if f == nil || f.Kind != link.KindNetwork {
		d.lost = 0
	}
	switch {
	case f == nil:
		d.asking = true
		c.Silence(&c.poll)
		t, f := c.readTokens(v, c.newGrant(d.requested, d.key), true)
		c.receive(t, f, &tokens{}, expected{maxAge: -1, wanted: func() bool { return c.device == d }}, func(f *link.Fault) {
			d.asking = false
			switch {
			case c.device != d:
			case f != nil:
				c.pollFailed(d, f, true)
			default:
				c.forgetDevice(nil)
			}
		})
	case f.Err == "authorization_pending", f.Err == "use_dpop_nonce":
		c.pollIn(d, d.interval)
	case f.Err == "slow_down":
		c.slower(d, d.interval+slowDown)
	case f.Code == "timeout":
		// Exponential back-off, for good (section 3.5).
		c.slower(d, d.interval*2)
	case f.Err == "expired_token":
		f.Kind, f.Code = link.KindExpired, "device_code_expired"
		c.pollFailed(d, f, true)
	case f.Kind == link.KindServer && (f.Retryable && !decisive(f.Err) || f.Err == "" && f.Garbled):
		c.pollIn(d, max(d.interval, f.RetryAfter))
	case f.Kind == link.KindNetwork:
		c.pollLater(d, f)
	default:
		// Whatever the server says of the code is its last word; not so if it only does not know the client, or the proof.
		c.pollFailed(d, f, f.Err != "" && f.Err != "invalid_client" && f.Err != "invalid_dpop_proof")
	}
}

// decisive tells the errors that say something of the code or the client, whatever the status. Under a status that says "later", any other is no more than that:
// what stands before a server has words of its own ("too_many_requests", "Internal Server Error").
func decisive(err string) bool {
	return words.Has("access_denied invalid_grant invalid_client unauthorized_client unsupported_grant_type invalid_request invalid_scope invalid_target invalid_dpop_proof", err)
}

func (c *client) slower(d *device, interval int64) {
	d.interval = min(interval, longestInterval)
	c.deviceChanged()
	c.pollIn(d, d.interval)
	c.storeDevice(c.encodeDevice(d), d)
}

// pollFailed stops polling; over: no other answer will come for this code.
func (c *client) pollFailed(d *device, f *link.Fault, over bool) {
	f.Op = stagePolling
	if over {
		f.Retryable = false
		c.forgetDevice(f)
	} else {
		c.stopPolling(d)
		c.endWaits(f)
	}
	c.reportOnce(f)
}
