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
	// DefaultLease is how long a holder has a lock without renewing it. A request to the
	// authorization server takes 30 s at most (timeout_ms in core/contract/README.md), and the
	// store operations before and after it a little more. So a holder that sleeps, or cannot reach
	// the server of the locks, still has its lock when its request ends. The engine waits 60 s for
	// a lock, so a waiter gets the lock of a dead holder.
	DefaultLease = 40 * time.Second
	// LeastLease leaves time for three late renewals.
	LeastLease = time.Second

	// A waiter asks for the lock at intervals from firstLook to maxLook. In each process only one
	// waiter asks.
	firstLook = 5 * time.Millisecond
	maxLook   = 100 * time.Millisecond
)

// Table records who holds which lock, by the clock of its server. Each method is one operation, and
// to repeat it has the same effect as one call.
type Table interface {
	// Take gives the lock called name to holder for that long, if it is free or holder has it.
	Take(ctx context.Context, name, holder string, lease time.Duration) (taken bool, err error)
	// Renew starts the lease again, if holder has the lock.
	Renew(ctx context.Context, name, holder string, lease time.Duration) (held bool, err error)
	// Free releases the lock, if holder has it.
	Free(ctx context.Context, name, holder string) error
	// Passing reports whether an error is temporary.
	Passing(err error) bool
}

// Locks is an oauth.Locker over a Table. Within the process waiters get a lock in the order in
// which they came.
type Locks struct {
	table Table
	lease time.Duration
	local oauth.MemoryLocker
}

// NewLocks returns locks with that lease; 0 means DefaultLease.
func NewLocks(table Table, lease time.Duration) (*Locks, error) {
	if lease == 0 {
		lease = DefaultLease
	}
	if lease < LeastLease {
		return nil, fmt.Errorf("a lease of %v is too short: it has to be %v at least, and longer than a request takes", lease, LeastLease)
	}
	return &Locks{table: table, lease: lease}, nil
}

// Lock implements oauth.Locker. It returns the error of ctx, or a permanent error of the server.
func (l *Locks) Lock(ctx context.Context, name string) (unlock func(), err error) {
	leave, err := l.local.Lock(ctx, name)
	if err != nil {
		return nil, err
	}
	holder := rand.Text()
	if err := l.take(ctx, name, holder); err != nil {
		// The lost answer may have given us the lock, so release it. Nobody waits for that.
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

// renew renews the lock until ctx ends. If the lock is lost meanwhile, it is not taken again: the
// store's versions decide who was first.
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

// free releases the lock. If that fails, the lease expires by itself.
func (l *Locks) free(name, holder string) {
	ctx, cancel := context.WithTimeout(context.Background(), l.lease)
	defer cancel()
	Do(ctx, func(err error) bool { return !errors.Is(err, context.Canceled) && l.table.Passing(err) }, func(ctx context.Context) error {
		return l.table.Free(ctx, name, holder)
	})
}
