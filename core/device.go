package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	pollInterval = 5_000 // RFC 8628 section 3.2, where the server names none
	slowDown     = 5_000 // RFC 8628 section 3.5
	// longestInterval keeps sums with a time of day within what every host can count.
	longestInterval = 1 << 50
)

// deviceStart is the device authorization request (section 3.1). The user's code is given out once all is stored; polling then starts by itself.
func (c *client) deviceStart(cmd *command, in json.Value) {
	scope := c.wantedScope(in)
	own, ok := readParams(in.Get("parameters"))
	for _, p := range own {
		ok = ok && !protected(p.Name) && p.Name != "scope"
	}
	f := c.canPoll()
	switch {
	case c.deviceAuthorization == "":
		f = c.absent("device_authorization_endpoint")
	case c.noKeys(scope):
		f = c.absent("jwks_uri")
	case !ok:
		f = link.Bad("bad_value", "parameters")
	case !words.ScopeOK(scope):
		f = wrongScope(scope)
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	c.giveUpDevice()
	c.starting, c.paused = cmd, false

	r := &request{stage: stageDevice, method: "POST", url: c.deviceAuthorization, auth: c.auth}
	if scope != "" {
		r.params = append(r.params, form.Param{Name: "scope", Value: scope})
	}
	for _, p := range c.parameters {
		if p.Name != "scope" && form.Count(own, p.Name) == 0 {
			r.params = append(r.params, p)
		}
	}
	r.params = append(r.params, own...)
	c.send(cmd, r, func(res *response, f *link.Fault) {
		var v json.Value
		var d *device
		if f == nil {
			v, f = res.object(c.Now)
		}
		if f == nil {
			d, f = readDevice(v, c.Now)
		}
		if f == nil && (c.starting != cmd || cmd.done) {
			f = &link.Fault{Kind: link.KindCanceled, Code: "cancelled"} // a later start goes first
		}
		if f != nil {
			c.redact(f, v.Get("device_code").Str())
			c.fail(cmd, f)
			return
		}
		d.requested, d.key = form.ValueOf(r.params, "scope"), c.newKey()
		c.Own(&d.code, &d.userCode, &d.uri, &d.uriComplete, &d.requested)
		c.beginDevice(cmd, d)
	})
}

// beginDevice stores the codes and then gives out what the user needs.
func (c *client) beginDevice(cmd *command, d *device) {
	c.devices.run(func(release func()) {
		c.overwrite(c.deviceKey, &c.deviceVersion, c.encodeDevice(d), func(failed string) {
			release()
			if c.starting != cmd || cmd.done {
				c.storeDevice("", d)
				c.fail(cmd, &link.Fault{Kind: link.KindCanceled, Code: "cancelled"})
				return
			}
			if failed != "" {
				c.Emit(c.event("not_persisted"))
			}
			c.starting, c.device = nil, d
			c.setStatus(temporary)
			c.deviceChanged()
			w := c.event("authorize_with_user_code")
			w.MemberStr("verification_uri", d.uri)
			w.MemberStr("user_code", d.userCode)
			w.MemberStrIf("verification_uri_complete", d.uriComplete)
			c.Emit(w)
			if !c.paused {
				c.startPolling(d)
			}
			c.finish(cmd, d.write)
		})
	})
}

// readDevice reads the device authorization response (section 3.2).
func readDevice(v json.Value, now int64) (*device, *link.Fault) {
	str := func(name string) string { return v.Get(name).Str() }
	d := &device{code: str("device_code"), userCode: str("user_code"), uri: str("verification_uri"), uriComplete: str("verification_uri_complete"), interval: pollInterval}
	if d.uri == "" {
		d.uri = str("verification_url") // the drafts' name, still in use
	}
	if d.uriComplete == "" {
		d.uriComplete = str("verification_url_complete")
	}
	life, ok := seconds(v.Get("expires_in"))
	missing := ""
	switch {
	case d.code == "":
		missing = "missing_device_code"
	case d.userCode == "":
		missing = "missing_user_code"
	case d.uri == "":
		missing = "missing_verification_uri"
	case !ok || life < 0:
		missing = "missing_expires_in"
	}
	if missing != "" {
		return nil, &link.Fault{Kind: link.KindToken, Code: missing}
	}
	// The URI is made a link, and the code is shown: nothing may be in them that does more than that.
	if !uri.Linkable(d.uri) || !words.VSChars(d.userCode) || !words.VSChars(d.code) || len(d.code)+len(d.userCode)+len(d.uri)+len(d.uriComplete) > 16<<10 {
		return nil, &link.Fault{Kind: link.KindServer, Code: "bad_device_response"}
	}
	if !uri.Linkable(d.uriComplete) {
		d.uriComplete = ""
	}
	d.expiresAt = now + min(life, longestInterval/1000)*1000
	if s, ok := seconds(v.Get("interval")); ok && s > 0 {
		d.interval = min(s, longestInterval/1000) * 1000
	}
	return d, nil
}

// forgetDevice ends the flow; f is what those who wait for it get.
func (c *client) forgetDevice(f *link.Fault) {
	d := c.device
	if d == nil {
		return
	}
	c.device, c.over, c.ended = nil, true, f
	if f != nil {
		f.Cut()
	}
	if f != nil && !d.asking {
		c.dropKey(d.key)
	}
	d.stop()
	c.Silence(&c.poll)
	w := c.event("device")
	w.MemberBool("polling", false)
	c.Emit(w)
	c.settle()
	c.storeDevice("", d)
	if f != nil {
		c.catchUp()
	}
	c.endWaits(f)
}

// giveUpDevice ends whatever flow there is, because somebody said so.
func (c *client) giveUpDevice() {
	c.forgetDevice(&link.Fault{Kind: link.KindCanceled, Code: "cancelled"})
	c.starting, c.over = nil, false
}

func (c *client) endWaits(f *link.Fault) {
	waits := c.deviceWaits
	c.deviceWaits = nil
	for _, cmd := range waits {
		if f == nil {
			c.finishStatus(cmd, nil, "")
			continue
		}
		if f.Op == "" {
			f.Op = cmd.op
		}
		c.end(cmd, f, nil)
	}
}

// storeDevice changes what is stored of the flow, unless another instance has begun one of its own.
func (c *client) storeDevice(text string, d *device) {
	c.store(c.deviceKey, c.deviceVersion, text, func(version, failed string) {
		if !conflict(failed) {
			if failed == "" {
				c.deviceVersion = version
			}
			return
		}
		c.load(c.deviceKey, func(value, version, failed string) {
			if there := c.decodeDevice(value); failed == "" && there != nil && there.code == d.code {
				c.deviceVersion = version
				c.store(c.deviceKey, version, text, func(version, failed string) {
					if failed == "" {
						c.deviceVersion = version
					}
				})
			}
		})
	})
}

// write writes what may be seen of it.
func (d *device) write(w *json.Writer) {
	w.MemberStr("user_code", d.userCode)
	w.MemberStr("verification_uri", d.uri)
	w.MemberStrIf("verification_uri_complete", d.uriComplete)
	w.MemberInt("expires_at", d.expiresAt)
	w.MemberInt("interval_ms", d.interval)
	w.MemberBool("polling", d.polling)
}

func (c *client) deviceChanged() {
	w := c.event("device")
	c.device.write(w)
	c.Emit(w)
}

func (c *client) encodeDevice(d *device) string {
	w := c.stored()
	w.MemberStr("device_code", d.code)
	w.MemberStrIf("requested_scope", d.requested)
	w.MemberStrIf("dpop_key", d.key)
	d.write(w)
	w.Close('}')
	return w.String()
}

// decodeDevice gives nil for none that is ours.
func (c *client) decodeDevice(text string) *device {
	v, ok := json.Parse(text)
	if !ok || !c.ours(v) {
		return nil
	}
	str := func(name string) string { return v.Get(name).Str() }
	d := &device{code: str("device_code"), userCode: str("user_code"), uri: str("verification_uri"), uriComplete: str("verification_uri_complete"), requested: str("requested_scope"), key: str("dpop_key")}
	d.expiresAt, _ = v.Get("expires_at").Int()
	d.interval, _ = v.Get("interval_ms").Int()
	d.polling = v.Get("polling").True()
	d.interval, d.expiresAt = min(d.interval, longestInterval), min(d.expiresAt, link.MaxTime)
	if d.code == "" || d.interval < 1 || !uri.Linkable(d.uri) {
		return nil
	}
	return d
}
