package simulate

import (
	"math"
	"math/rand/v2"
)

// dice draw the random numbers of one seed.
type dice struct{ *rand.Rand }

func (d dice) n(n int) int             { return d.IntN(n) }
func (d dice) chance(p float64) bool   { return d.Float64() < p }
func (d dice) span(lo, hi int64) int64 { return lo + d.Int64N(hi-lo+1) }

// long returns a number from lo to hi, with an even distribution of its logarithm.
func (d dice) long(lo, hi int64) int64 {
	return int64(float64(lo) * math.Pow(float64(hi)/float64(lo), d.Float64()))
}

// wait returns a random time with the given mean.
func (d dice) wait(mean int64) int64 { return int64(d.ExpFloat64() * float64(mean)) }
