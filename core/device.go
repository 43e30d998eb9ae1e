package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A deviceFlow is a client's device flow (RFC 8628). A client has at most one.
type deviceFlow struct {
	link    *link.Link
	config  *config.Config
	store   *store.Store
	wire    *wire.Wire
	issuer  *issuer.Issuer
	session *session.Session
	desk    *desk

	held     *device // nil if there is none
	key      string  // in the store
	version  string  // of the stored flow
	starting *command
	poll     link.Alarm
	paused   bool // polling was stopped before it began
	over     bool // the last flow ended by itself, with ended
	ended    *link.Fault
	queue    link.Serial // starts, one after the other
}

// status tells the session whether there is a flow, and whether it polls.
func (d *deviceFlow) status() (begun, polling bool) {
	return d.held != nil, d.held != nil && d.held.polling
}

// A deviceStartRun is the device authorization request (section 3.1). The user code is given once
// everything is stored; then polling starts by itself. Its methods are the steps: start, answered,
// turn, stored.
type deviceStartRun struct {
	flow    *deviceFlow
	cmd     *command
	request *wire.Request
	device  *device
	release func()
}

func (d *deviceFlow) start(cmd *command, in json.Value) {
	scope := d.config.WantedScope(in)
	own, ok := link.ReadParams(in.Get("parameters"))
	for _, p := range own {
		ok = ok && !config.Protected(p.Name) && p.Name != "scope"
	}
	i := d.issuer
	f := i.Tokenless()
	switch {
	case d.config.DeviceAuthorizationEndpoint == "":
		f = i.Absent("device_authorization_endpoint")
	case i.NoKeys(scope):
		f = i.Absent("jwks_uri")
	case !ok:
		f = link.Bad("bad_value", "parameters")
	case !words.ScopeOK(scope):
		f = config.WrongScope(scope)
	}
	if f != nil {
		d.desk.fail(cmd, f)
		return
	}
	d.giveUp()
	d.starting, d.paused = cmd, false

	r := &wire.Request{Stage: config.StageDevice, Method: "POST", URL: d.config.DeviceAuthorizationEndpoint, Auth: d.config.AuthMethod}
	if scope != "" {
		r.Params = append(r.Params, form.Param{Name: "scope", Value: scope})
	}
	for _, p := range d.config.Parameters {
		if p.Name != "scope" && form.Count(own, p.Name) == 0 {
			r.Params = append(r.Params, p)
		}
	}
	r.Params = append(r.Params, own...)
	s := &deviceStartRun{flow: d, cmd: cmd, request: r}
	d.wire.Send(&cmd.job, r, s.answered)
}

// current reports whether the command still waits for this start: a later start replaces it.
func (s *deviceStartRun) current() bool { return s.flow.starting == s.cmd && !s.cmd.done }

func (s *deviceStartRun) answered(res *wire.Response, f *link.Fault) {
	d := s.flow
	var v json.Value
	if f == nil {
		v, f = res.Object(d.link.Now)
	}
	if f == nil {
		s.device, f = readDevice(v, d.link.Now)
	}
	if f == nil && !s.current() {
		f = canceled()
	}
	if f != nil {
		d.session.Redact(f, v.Get("device_code").Str())
		d.desk.fail(s.cmd, f)
		return
	}
	s.device.requested, s.device.key = form.ValueOf(s.request.Params, "scope"), d.wire.NewKey()
	d.link.Own(&s.device.code, &s.device.userCode, &s.device.uri, &s.device.uriComplete, &s.device.requested)
	d.queue.Run(s.turn)
}

func (s *deviceStartRun) turn(release func()) {
	s.release = release
	d := s.flow
	d.store.Overwrite(d.key, &d.version, s.device.encode(d.store), s.stored)
}

// stored gives the user code.
func (s *deviceStartRun) stored(failed string) {
	d := s.flow
	s.release()
	if !s.current() {
		d.keep("", s.device)
		d.desk.fail(s.cmd, canceled())
		return
	}
	if failed != "" {
		d.link.Emit(d.link.Event("not_persisted"))
	}
	d.starting, d.held = nil, s.device
	d.session.SetStatus(session.Temporary)
	d.changed()
	w := d.link.Event("authorize_with_user_code")
	w.MemberStr("verification_uri", s.device.uri)
	w.MemberStr("user_code", s.device.userCode)
	w.MemberStrIf("verification_uri_complete", s.device.uriComplete)
	d.link.Emit(w)
	if !d.paused {
		d.startPolling(s.device)
	}
	d.desk.finish(s.cmd, s.device.write)
}

func canceled() *link.Fault { return &link.Fault{Kind: link.KindCanceled, Code: "cancelled"} }

// load reads a stored flow, and resumes it.
func (d *deviceFlow) load(done func(failed string)) {
	d.store.Load(d.key, func(value, version, failed string) {
		d.version = version
		there := decodeDevice(d.store, value)
		if there != nil {
			there.polling = false // the instance that stored it may be polling
			if d.link.Now < there.expiresAt {
				there.key = d.wire.NewKey() // the other instance may store a session with its own key
			}
		}
		d.resume(there)
		done(failed)
	})
}

// resume takes over a device flow that another instance began.
func (d *deviceFlow) resume(there *device) {
	if there == nil {
		return
	}
	if d.link.Now >= there.expiresAt {
		d.session.DropUnused(there.key)
		d.keep("", there)
		return
	}
	d.held = there
	d.session.Settle()
	if there.polling {
		d.startPolling(there)
	} else {
		d.changed()
	}
}

// forget ends the flow; f is the fault for commands that wait for it.
func (d *deviceFlow) forget(f *link.Fault) {
	gone := d.held
	if gone == nil {
		return
	}
	d.held, d.over, d.ended = nil, true, f
	if f != nil {
		f.Cut()
	}
	if f != nil && !gone.asking {
		d.wire.DropKey(gone.key)
	}
	gone.stop()
	d.link.Silence(&d.poll)
	w := d.link.Event("device")
	w.MemberBool("polling", false)
	d.link.Emit(w)
	d.session.Settle()
	d.keep("", gone)
	if f != nil {
		d.session.CatchUp()
	}
	d.endWaits(f)
}

// giveUp cancels the flow, if there is one.
func (d *deviceFlow) giveUp() {
	d.forget(canceled())
	d.starting, d.over = nil, false
}

// wait waits for the end of the flow, also through pauses and failures.
func (d *deviceFlow) wait(cmd *command) {
	cmd.waits = true
	switch {
	case d.held != nil:
	case d.over:
		d.endWaits(d.ended)
	default:
		d.desk.fail(cmd, &link.Fault{Kind: link.KindClient, Code: "no_device_code"})
	}
}

func (d *deviceFlow) endWaits(f *link.Fault) {
	for _, cmd := range append([]*command(nil), d.desk.commands...) {
		switch {
		case !cmd.waits:
		case f == nil:
			d.desk.finish(cmd, d.writeStatus)
		default:
			if f.Op == "" {
				f.Op = cmd.op
			}
			d.desk.end(cmd, f, nil)
		}
	}
}

// keep changes the stored flow, unless another instance has begun its own.
func (d *deviceFlow) keep(text string, of *device) {
	c := &store.Change{Store: d.store, Key: d.key, Version: &d.version, Tries: 1, Text: func() string { return text }, Done: func(string) {}}
	c.Met = func(value, version, unread string) bool {
		there := decodeDevice(d.store, value)
		if unread != "" || there == nil || there.code != of.code {
			return false
		}
		d.version = version
		return true
	}
	c.Write()
}

// writeStatus writes the status of the session and of the flow.
func (d *deviceFlow) writeStatus(w *json.Writer) {
	d.session.WriteStatus(w)
	if d.held != nil {
		w.Key("device")
		w.Open('{')
		d.held.write(w)
		w.Close('}')
	}
}

func (d *deviceFlow) changed() {
	w := d.link.Event("device")
	d.held.write(w)
	d.link.Emit(w)
}
