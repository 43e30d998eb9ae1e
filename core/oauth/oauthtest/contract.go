package oauthtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

type contractCase struct {
	Name   string   `json:"name"`
	Covers []string `json:"covers"`
	Steps  []step   `json:"steps"`
}

type step struct {
	Perform any    `json:"perform"`
	As      string `json:"as"`
	Expect  string `json:"expect"`
	Answer  any    `json:"answer"`
	Pending string `json:"pending"`
	MS      int64  `json:"ms"`
	Close   bool   `json:"close"`
	Fault   string `json:"fault"`
	Times   int    `json:"times"`
	Get     string `json:"get"`
	JSON    any    `json:"json"`
}

// RunContract runs the cases in file, which is core/contract/contract.json, each with its own
// engine. hands returns the options whose HTTP client, Store and Locker are tested; nil tests the
// defaults.
func RunContract(t *testing.T, file string, open func(testing.TB) oauth.Engine, hands func(testing.TB) oauth.Options) *Tally {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler())
	defer server.Close()
	defer server.CloseClientConnections()
	raw = []byte(strings.ReplaceAll(string(raw), "{server}", server.URL))
	var cases []contractCase
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&cases); err != nil {
		t.Fatal(err)
	}

	tally := &Tally{}
	for _, c := range cases {
		tally.add(c.Name, t.Run(c.Name, func(t *testing.T) {
			t.Logf("covers %q", c.Covers)
			var opts oauth.Options
			if hands != nil {
				opts = hands(t)
			}
			if err := c.run(open(t), opts); err != nil {
				t.Error(err)
			}
		}))
	}
	return tally
}

// stage is the state of a running case.
type stage struct {
	contract  *Session
	store     *faultyStore
	performed map[string]*Effect
	kept      kept
}

func (c contractCase) run(engine oauth.Engine, opts oauth.Options) error {
	if opts.Store == nil {
		opts.Store = &oauth.MemoryStore{}
	}
	if opts.Keys == nil {
		opts.Keys, _ = opts.Store.(oauth.KeyStore)
	}
	s := &stage{store: &faultyStore{kept: opts.Store}, performed: map[string]*Effect{}, kept: kept{}}
	opts.Store = s.store
	contract, err := OpenSession(engine, opts)
	if err != nil {
		return err
	}
	s.contract = contract
	defer contract.Close()
	for n, st := range c.Steps {
		if err := s.play(st); err != nil {
			return fmt.Errorf("step %d: %w", n+1, err)
		}
	}
	return nil
}

func (s *stage) play(st step) error {
	switch {
	case st.Perform != nil:
		return s.perform(st)
	case st.Expect != "":
		raw, err := s.answer(st.Expect, Patience)
		if err != nil {
			return fmt.Errorf("no answer: %w", err)
		}
		return s.kept.matchJSON("answer", st.Answer, raw)
	case st.Pending != "":
		raw, err := s.answer(st.Pending, time.Duration(st.MS)*time.Millisecond)
		if err == nil {
			return fmt.Errorf("answered: %s", raw)
		}
		return nil
	case st.Close:
		s.contract.Close()
		return nil
	case st.Fault == "store":
		s.store.fail(st.Times)
		return nil
	case st.Get != "":
		return s.get(st.Get, st.JSON)
	}
	return errors.New("no verb")
}

func (s *stage) perform(st step) error {
	filled, err := s.kept.filled(st.Perform)
	if err != nil {
		return err
	}
	effect, ok := filled.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is not an effect", filled)
	}
	if name, ok := effect["command"].(string); ok {
		if s.performed[name] == nil {
			return fmt.Errorf("nothing is named %q", name)
		}
		effect["command"] = s.performed[name].ID
	}
	raw, err := json.Marshal(effect)
	if err != nil {
		return err
	}
	p, err := s.contract.Perform(raw)
	if st.As != "" {
		s.performed[st.As] = p
	}
	return err
}

func (s *stage) answer(name string, limit time.Duration) (json.RawMessage, error) {
	p := s.performed[name]
	if p == nil {
		return nil, fmt.Errorf("nothing is named %q", name)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return p.Answer(ctx)
}

func (s *stage) get(url string, want any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var got json.RawMessage
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		return err
	}
	return s.kept.matchJSON(url, want, got)
}

// faultyStore fails when a test tells it to.
type faultyStore struct {
	kept  oauth.Store
	mu    sync.Mutex
	times int
}

func (f *faultyStore) fail(times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.times = times
}

func (f *faultyStore) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	return f.kept.Load(ctx, key)
}

func (f *faultyStore) Store(ctx context.Context, key, version string, value *string) (string, error) {
	f.mu.Lock()
	faulty := f.times > 0
	if faulty {
		f.times--
	}
	f.mu.Unlock()
	if faulty {
		return "", errors.New("oauth2: oauthtest: told to fail")
	}
	return f.kept.Store(ctx, key, version, value)
}
