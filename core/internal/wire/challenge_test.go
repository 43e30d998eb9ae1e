package wire

import (
	"runtime"
	"strings"
	"testing"
)

// TestSecurityProfileChallengeMemory: the memory for reading a challenge grows with its length, not
// with the square of it.
func TestSecurityProfileChallengeMemory(t *testing.T) {
	text := "Bearer " + strings.Repeat(`a="",`, 40_000) // 200 kB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	challenges(text)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 500*uint64(len(text)) {
		t.Errorf("%d bytes taken to read a header of %d", n, len(text))
	}
}
