//go:build linux

package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

// draw returns a random time between two, in ms.
func (f *fleet) draw(from, to int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Duration(from+f.rand.IntN(to-from)) * time.Millisecond
}

// chance is true in n of 100 cases.
func (f *fleet) chance(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.ended && f.rand.IntN(100) < n
}

// trouble kills and stops processes at random, and fills the disk.
func (f *fleet) trouble(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(200+r.IntN(400))*time.Millisecond)
		s := f.slots[r.IntN(len(f.slots))]
		switch n := r.IntN(10); {
		case n < 4:
			f.kill(s)
		case n < 8:
			f.halt(ctx, s, time.Duration(200+r.IntN(3000))*time.Millisecond)
		case n == 8:
			f.fillDisk()
			pause(ctx, time.Duration(200+r.IntN(1500))*time.Millisecond)
			f.emptyDisk()
		}
	}
}

// refreshing and answering are faults that affect a process that refreshes.
func (f *fleet) refreshing(agent string) {
	if s := f.slotOf(agent); s != nil {
		if f.chance(12) {
			time.AfterFunc(f.draw(0, 250), func() { f.kill(s) })
		}
		if f.chance(12) {
			lasts := f.draw(200, 3000)
			time.AfterFunc(f.draw(0, 250), func() { f.halt(context.Background(), s, lasts) })
		}
	}
	time.Sleep(f.draw(0, 120))
}

func (f *fleet) answering(string) bool {
	time.Sleep(f.draw(0, 120))
	if f.chance(6) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.row.losses++
		return false
	}
	return true
}

func (f *fleet) slotOf(agent string) *slot {
	for _, s := range f.slots {
		if s.Agent == agent {
			return s
		}
	}
	return nil
}

func (f *fleet) kill(s *slot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.process == nil || f.ended {
		return
	}
	f.row.kills++
	f.deaths[s.Agent] = append(f.deaths[s.Agent], time.Now()) // recorded before the kill, which releases its locks at once
	s.process.Kill()
}

// halt stops a process for a while.
func (f *fleet) halt(ctx context.Context, s *slot, lasts time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := s.process
	if p == nil || s.stopped || f.ended || p.Signal(syscall.SIGSTOP) != nil {
		return
	}
	f.row.stops++
	s.stopped = true
	time.AfterFunc(lasts, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if s.process == p {
			s.stopped = false
		}
		p.Signal(syscall.SIGCONT)
	})
}

func (f *fleet) fillDisk() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.row.fulls++
	f.full = append(f.full, span{from: time.Now()})
	f.disk.fill(f.pids())
}

func (f *fleet) emptyDisk() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.disk.clear(f.pids())
	if n := len(f.full); n > 0 && f.full[n-1].to.IsZero() {
		f.full[n-1].to = time.Now()
	}
}

func (f *fleet) pids() []int {
	var all []int
	for _, s := range f.slots {
		if s.process != nil {
			all = append(all, s.process.Pid)
		}
	}
	return all
}
