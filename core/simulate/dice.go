package simulate

import (
	"math"
	"math/rand/v2"
)

// dice are the draws of one seed.
type dice struct{ *rand.Rand }

func (d dice) n(n int) int             { return d.IntN(n) }
func (d dice) chance(p float64) bool   { return d.Float64() < p }
func (d dice) span(lo, hi int64) int64 { return lo + d.Int64N(hi-lo+1) }

// long is between lo and hi, and as likely between 1 s and 10 s as between 10 s and 100 s.
func (d dice) long(lo, hi int64) int64 {
	return int64(float64(lo) * math.Pow(float64(hi)/float64(lo), d.Float64()))
}

// wait is a time whose mean is given.
func (d dice) wait(mean int64) int64 { return int64(d.ExpFloat64() * float64(mean)) }
