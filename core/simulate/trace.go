package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// keep is how many lines a violation holds.
const keep = 3000

// trace holds the last lines for a person, and the digest of every byte that went in or out: two runs of one seed have one digest.
type trace struct {
	w      *World
	lines  [keep]string
	n      int
	digest hash.Hash
	buffer []byte
}

func newTrace(w *World) *trace { return &trace{w: w, digest: sha256.New()} }

// raw takes a message as it crossed the boundary.
func (t *trace) raw(p *party, direction byte, message []byte) {
	t.buffer = fmt.Appendf(t.buffer[:0], "%d %d %c ", t.w.now, p.id, direction)
	t.digest.Write(t.buffer)
	t.digest.Write(message)
}

func (t *trace) add(p *party, text string) {
	who := "world"
	if p != nil {
		who = p.name()
	}
	line := fmt.Sprintf("%6d %10.3f s  %-6s %s", t.w.steps, float64(t.w.now-epoch)/1000, who, text)
	t.digest.Write([]byte(line))
	t.lines[t.n%keep] = line
	t.n++
}

func (t *trace) last() (lines []string) {
	for i := max(0, t.n-keep); i < t.n; i++ {
		lines = append(lines, t.w.ledger.redact(t.lines[i%keep]))
	}
	return lines
}

func (t *trace) sum() string { return hex.EncodeToString(t.digest.Sum(nil)[:8]) }
