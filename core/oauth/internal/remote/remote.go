// Package remote has what stores on servers have in common: operations that outlast a short fault
// of the server or the network, and locks with a lease.
package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// patience is how long an operation is tried again: a server that restarts is back before. The
	// engine asks a second time for a store that failed, so a fault of 30 s is outlasted.
	patience = 20 * time.Second
	// attempt ends one try of an operation: its answer is lost.
	attempt    = 3 * time.Second
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// Do carries out an operation until it succeeds or fails for good: passing says which errors are
// those of a fault that may pass. An answer that was lost may be one of an operation that was
// carried out, so doing it twice has to be the same as doing it once. It fails with the error of
// ctx, or with the operation's.
func Do(ctx context.Context, passing func(error) bool, operation func(context.Context) error) error {
	limit := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		one, cancel := context.WithTimeout(ctx, attempt)
		err := operation(one)
		late := one.Err() != nil // which is no fault of the operation's
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && time.Now().Add(pause).Before(limit) && (late || passing(err)) && Sleep(ctx, Jitter(pause)) == nil {
			continue
		}
		if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return err
	}
}

// Sleep waits. It fails with the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Jitter gives half of d to d, so that those who began together do not go on together.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
