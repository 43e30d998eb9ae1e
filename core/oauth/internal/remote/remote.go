// Package remote has what stores on servers share: operations that survive a short fault of the
// server or the network, and locks with a lease.
package remote

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// patience is how long an operation is retried: a server that restarts is back before that. The
	// engine retries a failed store operation once, so a fault of 30 s is survived.
	patience = 20 * time.Second
	// attempt is how long one try of an operation may take. Then its answer counts as lost.
	attempt    = 3 * time.Second
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
)

// Do retries an operation until it succeeds or fails permanently. passing reports which errors are
// temporary. If an answer is lost, the operation may have been carried out, so to repeat it must
// have the same effect as one call. Do returns the error of ctx or of the operation.
func Do(ctx context.Context, passing func(error) bool, operation func(context.Context) error) error {
	limit := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		one, cancel := context.WithTimeout(ctx, attempt)
		err := operation(one)
		late := one.Err() != nil // the operation is not to blame
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

// Sleep waits. It returns the error of ctx.
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

// Jitter returns a time from d/2 to d, so that those who began together do not retry together.
func Jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
