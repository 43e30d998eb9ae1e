//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
)

// kinds are the kinds of the ten processes.
var kinds = map[string][]string{
	ours: {"adapter", "adapter", "adapter", "node", "node", "token", "token", "plain", "plain", "plain"},
	sdk:  {"sdk", "sdk", "sdk", "sdk", "sdk", "node-sdk", "node-sdk", "node-sdk", "node-sdk", "node-sdk"},
}

// A fleet is ten processes, what they use, and a record of what was done to them.
type fleet struct {
	o     *options
	site  *site.Site
	disk  *disk
	slots []*slot
	row   row // counted during the run

	renewal sync.Mutex // held while somebody signs in

	mu     sync.Mutex
	deaths map[string][]time.Time // by agent
	full   []span
	ended  bool
	rand   *rand.Rand
}

type span struct{ from, to time.Time } // to is zero while it lasts

// A slot is one of ten places. When its process dies, another one replaces it.
type slot struct {
	task
	process *os.Process // nil between two processes
	stopped bool
}

// A task is what a process has to do, as JSON.
type task struct {
	Role     string
	Agent    string // its User-Agent
	Dir      string // of the credential
	Issuer   string
	Resource string
	API      string
	Config   json.RawMessage // of a plain client
	Package  string          // the installed package oauth2-wasm
}

func newFleet(o *options, clients string, grace time.Duration) (*fleet, error) {
	f := &fleet{o: o, deaths: map[string][]time.Time{}, row: row{clients: clients, grace: grace, signOuts: -1}, rand: rand.New(rand.NewPCG(o.seed, 1))}
	var err error
	f.disk, err = newDisk(filepath.Join(o.folder, fmt.Sprintf("%s-%v", clients, grace)))
	if err != nil {
		return nil, err
	}
	f.site, err = site.Start(site.Options{Lifetime: 2 * time.Second, Grace: grace, Refreshing: f.refreshing, Answering: f.answering})
	if err != nil {
		return nil, errors.Join(err, f.disk.close())
	}
	for n, kind := range kinds[clients] {
		t := task{Role: kind, Agent: fmt.Sprintf("%s-%d", kind, n), Dir: f.disk.path, Issuer: f.site.Issuer, Resource: f.site.Resource, API: f.site.API, Package: o.installed}
		f.slots = append(f.slots, &slot{task: t})
	}
	return f, nil
}

func (f *fleet) close() error { return errors.Join(f.site.Close(), f.disk.close()) }

// live keeps the ten processes at work until ctx is done.
func (f *fleet) live(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range f.slots {
		all.Go(func() {
			for ctx.Err() == nil {
				f.work(ctx, s)
			}
		})
	}
	<-ctx.Done()
	f.mu.Lock()
	f.ended = true
	for _, s := range f.slots {
		if s.process != nil {
			s.process.Kill()
		}
	}
	f.mu.Unlock()
	all.Wait()
}

// work starts the process of a slot and reads its output until it ends. If it prints a token, we
// make the request with it.
func (f *fleet) work(ctx context.Context, s *slot) {
	cmd := f.command(s)
	cmd.Stderr = io.Discard
	if f.o.verbose {
		cmd.Stderr = os.Stderr
	}
	in, err := cmd.StdinPipe() // it is closed when this process ends
	if err != nil {
		return
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return
	}
	f.mu.Lock()
	s.process, s.stopped = cmd.Process, false
	if f.ended {
		s.process.Kill()
	}
	f.mu.Unlock()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		f.hear(ctx, s, lines.Text())
	}
	err = cmd.Wait()
	f.mu.Lock()
	s.process = nil
	f.mu.Unlock()
	if s.Role != "token" || ctx.Err() != nil {
		return
	}
	if code := cmd.ProcessState.ExitCode(); code == 3 {
		f.hear(ctx, s, "signed-out")
	} else if code > 0 {
		f.hear(ctx, s, fmt.Sprintf("failed: %v", err))
	}
	pause(ctx, f.draw(50, 300))
}

func (f *fleet) command(s *slot) *exec.Cmd {
	if s.Config == nil && f.row.clients == ours {
		s.Config = f.config()
	}
	raw, _ := json.Marshal(s.task)
	var cmd *exec.Cmd
	switch s.Role {
	case "token":
		cmd = exec.Command(f.o.token, "-dir", s.Dir, "-config", f.configOf(s), "token")
	case "node", "node-sdk":
		cmd = exec.Command("node", filepath.Join(f.o.root, "js/test/soak/agent.mjs"))
	default:
		cmd = exec.Command(f.o.self)
	}
	cmd.Env = append(os.Environ(), roleVariable+"="+string(raw))
	return cmd
}

// hear handles a line of a process: ok, signed-out, failed: …, or a token.
func (f *fleet) hear(ctx context.Context, s *slot, line string) {
	f.o.tell("%s: %s", s.Agent, line)
	if s.Role == "token" && line != "signed-out" && !strings.HasPrefix(line, "failed") {
		line = f.use(ctx, line)
	}
	f.mu.Lock()
	if line == "ok" {
		f.row.calls++
	} else {
		f.row.failed++
	}
	f.mu.Unlock()
	if line == "signed-out" && ctx.Err() == nil {
		if err := f.signIn(ctx); err != nil {
			f.o.tell("sign-in: %v", err)
		}
	}
}

func (f *fleet) use(ctx context.Context, token string) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.site.API, nil)
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return res.Status
	}
	return "ok"
}

// signIn is the user, who is asked when nobody is signed in any more, and signs in when the disk
// has room.
func (f *fleet) signIn(ctx context.Context) error {
	f.renewal.Lock()
	defer f.renewal.Unlock()
	u, err := f.user()
	if err != nil {
		return err
	}
	defer u.close()
	if u.signedIn(ctx) {
		return nil // somebody else was asked, too
	}
	for {
		f.emptyDisk() // the user's own sign-in does not count
		err := u.signIn(ctx)
		if err == nil {
			break
		}
		f.o.tell("sign-in: %v", err)
		if ctx.Err() != nil {
			return err
		}
		pause(ctx, 100*time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.row.signOuts++ // the first one does not count: it began at -1
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
