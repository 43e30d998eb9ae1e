package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

const (
	// DefaultLease is how long a lock stays with a holder who does not renew it. A request to the
	// authorization server takes 30 s at most (timeout_ms of core/contract/README.md), and the
	// store before and after it a little: a holder who sleeps, or is cut off from the server of the
	// locks, still has its lock when its request is over. The engine waits 60 s for a lock, so who
	// waits for a dead holder gets it.
	DefaultLease = 40 * time.Second
	// LeastLease leaves room for three renewals that are late.
	LeastLease = time.Second

	// A waiter looks for the lock at intervals from firstLook to maxLook. One of a process does,
	// for all others of the process.
	firstLook = 5 * time.Millisecond
	maxLook   = 100 * time.Millisecond
)

// Table keeps who holds which lock, by the clock of its server. Each method is one operation, and
// twice the same as once.
type Table interface {
	// Take gives the lock called name to holder for that long, if nobody holds it, or holder does.
	Take(ctx context.Context, name, holder string, lease time.Duration) (taken bool, err error)
	// Renew begins the lease anew, if holder has the lock.
	Renew(ctx context.Context, name, holder string, lease time.Duration) (held bool, err error)
	// Free takes the lock from holder, if holder has it.
	Free(ctx context.Context, name, holder string) error
	// Passing says whether an error is that of a fault that may pass.
	Passing(err error) bool
}

// Locks is a oauth.Locker over a Table. Within the process those who wait for a lock get it in the
// order in which they came.
type Locks struct {
	table Table
	lease time.Duration
	local oauth.MemoryLocker
}

// NewLocks gives locks with that lease; 0 means DefaultLease.
func NewLocks(table Table, lease time.Duration) (*Locks, error) {
	if lease == 0 {
		lease = DefaultLease
	}
	if lease < LeastLease {
		return nil, fmt.Errorf("a lease of %v is too short: it has to be %v at least, and longer than a request takes", lease, LeastLease)
	}
	return &Locks{table: table, lease: lease}, nil
}

// Lock implements oauth.Locker. It fails with the error of ctx, or with one of the server that does
// not pass.
func (l *Locks) Lock(ctx context.Context, name string) (unlock func(), err error) {
	leave, err := l.local.Lock(ctx, name)
	if err != nil {
		return nil, err
	}
	holder := rand.Text()
	if err := l.take(ctx, name, holder); err != nil {
		// An answer that was lost may have been that the lock is ours. Nobody waits for this.
		go l.free(name, holder)
		leave()
		return nil, err
	}
	renewing, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.renew(renewing, name, holder)
	}()
	return sync.OnceFunc(func() {
		stop()
		<-stopped
		l.free(name, holder)
		leave()
	}), nil
}

func (l *Locks) take(ctx context.Context, name, holder string) error {
	for look := firstLook; ; look = min(2*look, maxLook) {
		one, cancel := context.WithTimeout(ctx, attempt)
		taken, err := l.table.Take(one, name, holder, l.lease)
		late := one.Err() != nil
		cancel()
		switch {
		case taken:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !late && !l.table.Passing(err):
			return err
		case err != nil:
			look = maxLook
		}
		if err := Sleep(ctx, Jitter(look)); err != nil {
			return err
		}
	}
}

// renew keeps the lock until ctx ends. One that was lost meanwhile is not taken back: the versions
// of the store tell who was first.
func (l *Locks) renew(ctx context.Context, name, holder string) {
	next := l.lease / 3
	for Sleep(ctx, next) == nil {
		one, cancel := context.WithTimeout(ctx, min(attempt, l.lease/3))
		held, err := l.table.Renew(one, name, holder, l.lease)
		cancel()
		switch {
		case err != nil:
			next = l.lease / 10
		case !held:
			return
		default:
			next = l.lease / 3
		}
	}
}

// free gives the lock back. Where that fails its lease ends by itself.
func (l *Locks) free(name, holder string) {
	ctx, cancel := context.WithTimeout(context.Background(), l.lease)
	defer cancel()
	Do(ctx, func(err error) bool { return !errors.Is(err, context.Canceled) && l.table.Passing(err) }, func(ctx context.Context) error {
		return l.table.Free(ctx, name, holder)
	})
}
