package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// keep is how many lines a violation has.
const keep = 3000

// trace holds the last lines for people, and the digest of every byte that went in or out: two runs
// of one seed have the same digest.
type trace struct {
	ledger *ledger
	lines  [keep]string
	n      int
	digest hash.Hash
	buffer []byte
}

func newTrace(l *ledger) *trace { return &trace{ledger: l, digest: sha256.New()} }

// raw records a message of the core's interface.
func (t *trace) raw(now int64, party int, direction byte, message []byte) {
	t.buffer = fmt.Appendf(t.buffer[:0], "%d %d %c ", now, party, direction)
	t.digest.Write(t.buffer)
	t.digest.Write(message)
}

// add records what a party did, ms after the beginning.
func (t *trace) add(steps int, ms int64, who, text string) {
	line := fmt.Sprintf("%6d %10.3f s  %-6s %s", steps, float64(ms)/1000, who, text)
	t.digest.Write([]byte(line))
	t.lines[t.n%keep] = line
	t.n++
}

func (t *trace) last() (lines []string) {
	for i := max(0, t.n-keep); i < t.n; i++ {
		lines = append(lines, t.ledger.redact(t.lines[i%keep]))
	}
	return lines
}

func (t *trace) sum() string { return hex.EncodeToString(t.digest.Sum(nil)[:8]) }
