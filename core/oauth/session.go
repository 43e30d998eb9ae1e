package oauth

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// session is one handle of an engine and all work under way for it. lane.mu guards its members,
// except those that never change after newSession.
type session struct {
	lane   *lane
	kind   string
	config json.RawMessage
	opts   Options
	hands  map[string]hand // by the kind of effect
	events *mailbox
	ctx    context.Context // of everything that ends with the session
	cancel context.CancelFunc

	handle   int32 // 0: lost, and not opened again yet
	closed   bool
	dead     bool // the engine reported handle as lost
	progress bool // there was a result since the engine was last opened
	opened   time.Time
	handedIn string // Options.Session, until the store was written
	entropy  pool
	nextID   int64
	inbox    []input
	cause    error // of the answer that the engine got last
	at       int64 // time of the last input, Unix ms
	held     held
	buffer   []byte   // for messages, reused
	effects  [][]byte // those of a turn, reused
	effect   effect   // the one that is being carried out
	waiters  map[int64]*waiter
	turn     *waiter // the command whose caller runs the engine now, on the caller's own goroutine
	tasks    map[string]*task
	asked    map[string]*openEffect   // by id, for the log; nil without a log
	whose    context.Context          // of the call that led to the current turn, for the log
	tails    map[string]chan struct{} // by what is stored: closed when the last operation on it has ended
	still    chan struct{}            // if somebody waits for it: closed when no request is under way
	closing  []func()                 // run at the end of the session, when all operations are done
}

// A hand carries out effects of one kind. It holds the lane's lock, so it never waits: it answers
// at once (reply), or has slow work done elsewhere (aside), which ends in finish.
type hand func(e *effect)

// newSession opens a session of a kind. equip returns its hands.
func newSession(engine Engine, kind string, config any, opts Options, equip func(*session) map[string]hand) (*session, error) {
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
	s := &session{
		kind: kind, config: raw, opts: opts,
		handedIn: opts.Session,
		events:   &mailbox{},
		entropy:  pool{source: opts.Rand},
		waiters:  map[int64]*waiter{}, tasks: map[string]*task{}, asked: map[string]*openEffect{}, tails: map[string]chan struct{}{},
	}
	if s.entropy.source == nil {
		s.entropy.source = rand.Reader
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.hands = equip(s)
	s.lane = lanes.Acquire(engine, func() *lane {
		return &lane{engine: engine, sessions: map[resident]struct{}{}}
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

// open opens the engine and carries out its first effects, such as loading the stored session.
func (s *session) open(stored string) error {
	s.held.drop()
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
	s.dead, s.opened, s.whose = false, s.opts.Now(), context.Background()
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

// close ends the session: commands under way fail, requests are aborted, and close waits for store
// operations that have begun.
func (s *session) close() {
	s.lane.mu.Lock()
	if s.closed {
		s.lane.mu.Unlock()
		return
	}
	s.closed = true
	s.held.drop()
	if s.handle > 0 {
		s.lane.engine.Close(s.handle)
	}
	s.handle = 0
	for id, w := range s.waiters {
		s.resolve(id, result{err: &Error{Kind: KindClient, Code: "closed", Op: w.op}})
	}
	release := s.drop()
	delete(s.lane.sessions, s)
	s.lane.mu.Unlock()

	release()
	s.cancel()
	lanes.Release(s.lane.engine)
	for _, end := range s.closing {
		end()
	}
}

func (s *session) millis() int64 { return s.opts.Now().UnixMilli() }

// head begins a message with the members of every input. The buffer belongs to the session and is
// wiped after use.
func (s *session) head() []byte {
	s.at = s.millis()
	b := append(s.buffer[:0], `{"now":`...)
	b = strconv.AppendInt(b, s.at, 10)
	b = append(b, `,"entropy":"`...)
	return append(s.entropy.append(b), '"')
}

// drop cancels all tasks. Call what it returns without the lock: it waits for store operations that
// have begun, and then releases the session's locks, in that order, because the operations rely on
// the locks.
func (s *session) drop() (release func()) {
	var unlocks []func()
	clear(s.asked)
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
