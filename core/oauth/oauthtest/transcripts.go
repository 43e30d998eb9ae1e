package oauthtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// RunTranscripts replays every *.txt in dir, each with its own engine, and compares the engine's
// output byte for byte. core/contract/README.md describes the format. If profiles are given, it
// replays only those whose first line names one of them.
func RunTranscripts(t *testing.T, dir string, open func(testing.TB) oauth.Engine, profiles ...string) *Tally {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	tally, digest := &Tally{}, sha256.New()
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		header, _, _ := strings.Cut(string(raw), "\n")
		if !fits(header, profiles) {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		tally.add(name, t.Run(name, func(t *testing.T) {
			t.Log(header) // names the behaviours that it covers
			p := &player{engine: open(t), said: digest, tally: tally}
			if err := p.replay(string(raw)); err != nil {
				t.Error(err)
			}
		}))
	}
	tally.Digest = hex.EncodeToString(digest.Sum(nil))
	return tally
}

func fits(header string, profiles []string) bool {
	return len(profiles) == 0 || slices.ContainsFunc(profiles, func(p string) bool { return strings.Contains(header, `"profile":"`+p+`"`) })
}

// player is the state of a replay.
type player struct {
	engine oauth.Engine
	handle int32 // 0: the next effect is the reason of a refusal
	opened bool
	code   int32 // of the last input
	input  bool  // code has not been compared yet

	said  io.Writer // gets every effect, followed by a line feed
	tally *Tally    // counts the effects and the inputs
}

// Replay returns an error that says where an engine's output differs from the transcript.
func Replay(transcript string, engine oauth.Engine) error {
	p := &player{engine: engine, said: io.Discard, tally: &Tally{}}
	return p.replay(transcript)
}

func (p *player) replay(transcript string) error {
	lines := strings.Split(transcript, "\n")
	for n, line := range lines[1:] {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		if err := p.step(verb, rest); err != nil {
			return fmt.Errorf("line %d: %w", n+2, err)
		}
	}
	return p.settled()
}

func (p *player) step(verb, rest string) error {
	switch verb {
	case "open":
		if err := p.settled(); err != nil {
			return err
		}
		p.handle, p.opened = p.engine.Open([]byte(rest)), true
	case "=":
		want, err := strconv.Atoi(rest)
		if err != nil {
			return err
		}
		got := p.handle
		if p.input {
			got, p.input = p.code, false
		}
		if got != int32(want) {
			return fmt.Errorf("gave %d, not %d", got, want)
		}
	case ">":
		if err := p.settled(); err != nil {
			return err
		}
		p.code, p.input = p.engine.Input(p.handle, []byte(rest)), true
		p.tally.Inputs++
	case "<":
		if err := p.taken(); err != nil {
			return err
		}
		got := p.engine.Effect(p.handle)
		p.tally.Effects++
		p.said.Write(append(got[:len(got):len(got)], '\n')) // it is a digest, which cannot fail
		if !bytes.Equal(got, []byte(rest)) {
			return fmt.Errorf("effect differs\n got %s\nwant %s", got, rest)
		}
	case "@":
		if err := p.settled(); err != nil {
			return err
		}
		handle, err := strconv.Atoi(rest)
		if err != nil {
			return err
		}
		p.handle = int32(handle)
	case "close":
		if err := p.settled(); err != nil {
			return err
		}
		p.engine.Close(p.handle)
		p.opened = false
	default:
		return fmt.Errorf("unknown line %q", verb)
	}
	return nil
}

// taken: an input without a code in the transcript was accepted.
func (p *player) taken() error {
	if p.input && p.code != oauth.Taken {
		return fmt.Errorf("input gave %d, not 0", p.code)
	}
	p.input = false
	return nil
}

// settled: all output of the engine was compared before the next call.
func (p *player) settled() error {
	if err := p.taken(); err != nil {
		return err
	}
	if p.opened {
		if more := p.engine.Effect(p.handle); more != nil {
			return fmt.Errorf("an effect too many: %s", more)
		}
	}
	return nil
}
