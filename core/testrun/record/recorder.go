package record

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// An Engine is a core.Engine. Tests of core use this package, so it cannot import core.
type Engine interface {
	Open(in []byte) (handle int32)
	Input(handle int32, in []byte) (code int32)
	Effect(handle int32) []byte
}

// taken is the code of Input for an input that the engine took.
const taken = 0

// A Recorder gives an engine inputs, and records these with the effects that follow.
type Recorder struct {
	T      *testing.T
	Engine Engine
	// Entropy begins the text from which each input's entropy is made.
	Entropy string
	Lines   []string
	Inputs  int // how many inputs were begun
}

// Keep names the transcript: head is its first line. When the test has passed, the transcript in
// file must be equal, or is written if update is set.
func (r *Recorder) Keep(head any, file string, update bool) {
	r.T.Helper()
	line, err := json.Marshal(head)
	if err != nil {
		r.T.Fatal(err)
	}
	r.Lines = append(r.Lines, string(line))
	r.T.Cleanup(func() {
		if r.T.Failed() {
			return
		}
		text := strings.Join(r.Lines, "\n") + "\n"
		if update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				r.T.Error(err)
			}
			return
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != text {
			r.T.Errorf("%s is not what the scenario gives: run go test -run Scenario -update here (%v)", file, err)
		}
	})
}

// Head begins the text of an input, with the time (Unix ms) and new entropy.
func (r *Recorder) Head(now int64) string {
	r.Inputs++
	e := sha256.Sum256([]byte(fmt.Sprintf("%sentropy %d", r.Entropy, r.Inputs)))
	return fmt.Sprintf(`{"now":%d,"entropy":%q,`, now, base64.RawURLEncoding.EncodeToString(e[:]))
}

// Open opens a session. handle is 0 if the engine refuses.
func (r *Recorder) Open(in string) (handle int32, refusal Msg) {
	r.T.Helper()
	r.Lines = append(r.Lines, "open "+in)
	handle = r.Engine.Open([]byte(in))
	r.Lines = append(r.Lines, fmt.Sprintf("= %d", handle))
	if handle == 0 {
		refusal = r.heard(r.Engine.Effect(0))
	}
	return handle, refusal
}

// Use names the session of the inputs that follow, where there are several.
func (r *Recorder) Use(handle int32) { r.Lines = append(r.Lines, fmt.Sprintf("@ %d", handle)) }

// Input gives a session an input and returns the effects. code is what the engine must say of it.
func (r *Recorder) Input(handle int32, in string, code int32) []Msg {
	r.T.Helper()
	r.Lines = append(r.Lines, "> "+in)
	if got := r.Engine.Input(handle, []byte(in)); got != code {
		r.T.Fatalf("input %s: code %d, want %d", in, got, code)
	}
	if code != taken {
		r.Lines = append(r.Lines, fmt.Sprintf("= %d", code))
	}
	return r.Effects(handle)
}

// Effects returns the effects that a session asks for.
func (r *Recorder) Effects(handle int32) (effects []Msg) {
	r.T.Helper()
	for raw := r.Engine.Effect(handle); raw != nil; raw = r.Engine.Effect(handle) {
		effects = append(effects, r.heard(raw))
	}
	return effects
}

func (r *Recorder) heard(raw []byte) Msg {
	r.T.Helper()
	r.Lines = append(r.Lines, "< "+string(raw))
	return Parse(r.T, raw)
}

// Parse reads a message of the engine.
func Parse(t testing.TB, raw []byte) Msg {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	m := Msg{Raw: string(raw)}
	if err := d.Decode(&m.M); err != nil {
		t.Fatalf("effect %s: %v", raw, err)
	}
	return m
}
