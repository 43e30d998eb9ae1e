package oauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// session is one handle of an engine and everything that is under way for it. Its members belong to whoever holds lane.mu, but
// for those that never change after newSession.
type session struct {
	lane   *lane
	kind   string
	config json.RawMessage
	opts   Options
	http   *http.Client
	locker Locker
	keys   KeyStore
	events *mailbox
	ctx    context.Context // of everything that ends with the session
	cancel context.CancelFunc

	handle   int32 // 0: lost, and not opened again yet
	closed   bool
	dead     bool // the engine answered for handle as for one that is lost
	progress bool // a result came since the engine was last opened
	opened   time.Time
	handedIn string // Options.Session, until the store has been written
	entropy  pool
	nextID   int64
	inbox    []input
	cause    error    // of the answer that the engine was given last
	buffer   []byte   // of messages, kept from one to the next
	effects  [][]byte // those of a turn, kept likewise
	waiters  map[int64]*waiter
	turn     *waiter // whose caller the engine is working for right now, on the caller's own goroutine
	tasks    map[string]*task
	tails    map[string]chan struct{} // by what is stored: closed when the last operation on it has ended
	verifier verifier                 // of the last signature
	watched  map[string]func()        // by key that the store tells of: ends it
	wrote    map[string][]string      // the versions that this session gave such a key last
	still    chan struct{}            // where somebody waits for that: closed when no request is under way
}

// waiter is a command that has not ended.
type waiter struct {
	op     string
	result result
	ended  bool
	done   chan struct{} // closed when it has ended; nil where it ended before anybody could wait

	patient bool  // the caller cannot give up
	next    *task // what the caller is to do; see aside
}

// result is what a command gave: err, or an object, a part of a message that nobody else holds.
type result struct {
	ok  json.RawMessage
	err error
}

// task is an effect that is being carried out, or a lock that is held.
type task struct {
	id     string
	kind   string
	stop   func() // does not wait
	unlock func() // of a lock that is held
	work   func() input
}

func newSession(engine Engine, kind string, config any, opts Options) (*session, error) {
	if engine == nil {
		return nil, errors.New("oauth2: open: no engine")
	}
	if err := errors.Join(identifiable(engine), identifiable(opts.Store)); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("oauth2: open: configuration: %w", err)
	}
	opts = opts.withDefaults()
	s := &session{
		kind: kind, config: raw, opts: opts,
		http: withoutRedirects(opts.HTTP), handedIn: opts.Session,
		events:  &mailbox{},
		entropy: pool{source: opts.Rand},
		waiters: map[int64]*waiter{}, tasks: map[string]*task{}, tails: map[string]chan struct{}{},
		watched: map[string]func(){}, wrote: map[string][]string{},
	}
	if s.entropy.source == nil {
		s.entropy.source = rand.Reader
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.locker = opts.Locker
	if s.locker == nil {
		s.locker = lockers.acquire(opts.Store, func() Locker { return &MemoryLocker{} })
	}
	s.keys = opts.Keys
	if s.keys == nil {
		s.keys = keyStores.acquire(opts.Store, func() KeyStore { return &MemoryKeyStore{} })
	}
	s.lane = lanes.acquire(engine, func() *lane {
		return &lane{engine: engine, sessions: map[*session]struct{}{}}
	})

	s.lane.mu.Lock()
	s.lane.sessions[s] = struct{}{}
	err = s.open(s.handedIn)
	s.lane.settle()
	s.lane.mu.Unlock()
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open opens the engine and carries out what it asks for at once, such as loading the stored session.
func (s *session) open(stored string) error {
	msg := s.head()
	msg = append(msg, `,"kind":`...)
	msg = strconv.AppendQuote(msg, s.kind)
	if s.kind != "contract" {
		msg = append(msg, `,"config":`...)
		msg = append(msg, s.config...)
	}
	if stored != "" {
		msg = append(msg, `,"session":`...)
		msg = appendText(msg, []byte(stored))
	}
	if _, ok := s.opts.Store.(Notifier); ok && s.kind == "client" {
		msg = append(msg, `,"notified":true`...)
	}
	msg = append(msg, '}')
	defer clear(msg)
	s.buffer = msg
	if len(msg) > MaxMessage {
		return &Error{Kind: KindClient, Code: "too_large", Op: "open"}
	}
	s.dead, s.opened = false, s.opts.Now()
	s.handle = s.lane.engine.Open(msg)
	switch {
	case s.handle == 0:
		return refusal(s.lane.engine.Effect(0))
	case s.handle < 0:
		cause := s.lane.lost(s.handle)
		s.handle = 0
		return internal("open", "trapped", cause)
	}
	s.drain()
	s.run()
	return nil
}

// head begins a message with what every input carries. The buffer is the session's own and is wiped after use.
func (s *session) head() []byte {
	b := append(s.buffer[:0], `{"now":`...)
	b = strconv.AppendInt(b, s.opts.Now().UnixMilli(), 10)
	b = append(b, `,"entropy":"`...)
	return append(s.entropy.append(b), '"')
}

// run gives the engine every input that waits: input, drain, next input, never nested.
func (s *session) run() {
	for len(s.inbox) > 0 && s.handle > 0 {
		in := s.inbox[0]
		s.inbox = s.inbox[1:]
		s.feed(in)
	}
	s.inbox = nil
}

func (s *session) feed(in input) {
	msg := in.append(s.head())
	code := s.lane.engine.Input(s.handle, msg)
	clear(msg)
	clear(in.members)
	s.buffer, s.cause = msg, in.cause
	if in.cause != nil && s.opts.trouble != nil {
		s.events.post(func() { s.opts.trouble(in.cause) })
	}
	switch {
	case code == Taken:
		s.drain()
	case code == Trapped, code == UnknownHandle: // a handle that the engine forgot is as lost as one that died
		s.dead = true
	case code == TooLong && in.id != "":
		s.inbox = append(s.inbox, failed(in.id, "too_large"))
	case in.op != "":
		s.refuse(code, in)
	}
}

// refuse ends a command that the engine did not take.
func (s *session) refuse(code int32, in input) {
	err := internal(in.op, "refused_input", fmt.Errorf("oauth2: code %d", code))
	if code == TooLong {
		err = &Error{Kind: KindClient, Code: "too_large", Op: in.op}
	}
	s.resolve(in.command, result{err: err})
}

// drain takes all effects before it carries out the first, so that what they lead to comes after them.
func (s *session) drain() {
	raws := s.effects[:0]
	for {
		raw := s.lane.engine.Effect(s.handle)
		if raw == nil {
			break
		}
		raws = append(raws, raw)
	}
	s.effects = raws
	if s.lost() {
		return // what an instance said in the turn that killed it is not to be trusted
	}
	for _, raw := range raws {
		e, ok := readEffect(raw)
		if !ok {
			continue // no effect that this host could answer; transcripts hold the engine to its format
		}
		if s.carryOut(e, raw); e.Kind != "result" {
			clear(raw)
		}
	}
	clear(raws)
}

func (s *session) lost() bool {
	return s.handle > 0 && (s.dead || s.lane.lost(s.handle) != nil)
}

// settle follows every call into the engine.
func (s *session) settle() {
	if s.lost() {
		s.lane.settle()
	}
	s.retire()
}

func (s *session) resolve(id int64, r result) {
	w := s.waiters[id]
	if w == nil {
		clear(r.ok)
		return
	}
	delete(s.waiters, id)
	if w.result, w.ended = r, true; w.done != nil {
		close(w.done)
	}
}

// start gives the engine a command. It returns before the command is done, and a patient caller goes on with what it is to do.
func (s *session) start(op string, params any, patient bool) (int64, *waiter, error) {
	raw, err := parameters(op, params) // before the lock: it may be the caller's code that marshals
	if err != nil {
		return 0, nil, err
	}
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.closed {
		return 0, nil, &Error{Kind: KindClient, Code: "closed", Op: op}
	}
	if s.handle == 0 {
		if err := s.open(s.handedIn); err != nil {
			s.lane.settle()
			return 0, nil, internal(op, "restart_failed", err)
		}
	}
	id, w := s.enqueue(op, raw)
	w.patient, s.turn = patient, w
	s.run()
	s.settle()
	if s.endTurn(); !w.ended {
		w.done = make(chan struct{})
	}
	return id, w, nil
}

// enqueue makes a command the last of the inputs that wait.
func (s *session) enqueue(op string, params members) (int64, *waiter) {
	s.nextID++
	w := &waiter{op: op}
	s.waiters[s.nextID] = w
	s.inbox = append(s.inbox, input{op: op, command: s.nextID, members: params})
	return s.nextID, w
}

// finish gives the engine the answer to t, unless nobody waits for that any more.
func (s *session) finish(t *task, in input) {
	if s.tasks[t.id] != t {
		return
	}
	if t.unlock == nil {
		delete(s.tasks, t.id)
	}
	s.inbox = append(s.inbox, in)
	s.run()
	s.settle()
	s.tellQuiet()
}

// do is a command from beginning to end. A caller who gives up withdraws only the own command.
func (s *session) do(ctx context.Context, op string, params, out any) error {
	if err := ctx.Err(); err != nil {
		return gaveUp(op, err)
	}
	id, w, err := s.start(op, params, ctx.Done() == nil)
	if err != nil {
		return err
	}
	s.help(w)
	if w.done == nil {
		return w.result.read(op, out)
	}
	select {
	case <-w.done:
		return w.result.read(op, out)
	case <-ctx.Done():
		s.withdraw(id)
		return gaveUp(op, ctx.Err())
	}
}

func gaveUp(op string, err error) error {
	return fmt.Errorf("oauth2: %s: %w", strings.ReplaceAll(op, "_", " "), err)
}

// withdraw cancels a command whose caller is gone. Nobody waits for the results of either.
func (s *session) withdraw(id int64) {
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.waiters[id] == nil || s.handle == 0 {
		return
	}
	cancel, _ := s.enqueue("cancel", members(nil).integer("target", id))
	s.run()
	delete(s.waiters, cancel)
	s.settle()
}

// readable is a result that is asked for often enough to be read without reflection.
type readable interface{ read(*reader) }

// read reads the result into out, unless that is nil, and wipes it.
func (r result) read(op string, out any) error {
	defer clear(r.ok)
	if r.err != nil || out == nil {
		return r.err
	}
	if out, ok := out.(readable); ok {
		in := read(r.ok)
		if out.read(in); !in.end() {
			return internal(op, "unreadable_result", nil)
		}
		return nil
	}
	if err := json.Unmarshal(r.ok, out); err != nil {
		return internal(op, "unreadable_result", err)
	}
	return nil
}

// close ends the session: commands under way fail, requests are given up, stores that have begun are waited for.
func (s *session) close() {
	s.lane.mu.Lock()
	if s.closed {
		s.lane.mu.Unlock()
		return
	}
	s.closed = true
	if s.handle > 0 {
		s.lane.engine.Close(s.handle)
	}
	s.handle = 0
	for id, w := range s.waiters {
		s.resolve(id, result{err: &Error{Kind: KindClient, Code: "closed", Op: w.op}})
	}
	release := s.drop()
	delete(s.lane.sessions, s)
	watched := s.watched
	s.watched = nil
	s.lane.mu.Unlock()

	for _, end := range watched {
		end()
	}
	release()
	s.cancel()
	lanes.release(s.lane.engine)
	if s.opts.Locker == nil {
		lockers.release(s.opts.Store)
	}
	if s.opts.Keys == nil {
		keyStores.release(s.opts.Store)
	}
}

// drop gives up all tasks. What it returns is called without the lock: it waits for the stores that have begun and then releases
// the locks that were held, in that order, because the stores happened under those locks.
func (s *session) drop() (release func()) {
	var unlocks []func()
	for id, t := range s.tasks {
		delete(s.tasks, id)
		if t.stop != nil {
			t.stop()
		}
		if t.unlock != nil {
			unlocks = append(unlocks, t.unlock)
		}
	}
	var tails []chan struct{}
	for _, tail := range s.tails {
		tails = append(tails, tail)
	}
	s.inbox = nil
	s.tellQuiet()
	return func() {
		for _, tail := range tails {
			<-tail
		}
		for _, unlock := range unlocks {
			unlock()
		}
	}
}
