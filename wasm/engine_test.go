package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

func TestEmbeddedModule(t *testing.T) {
	for _, row := range []struct {
		file   string
		module func() []byte
		sum    func() string
	}{{"oauth2-full.wasm", Module, SHA256}, {"oauth2.wasm", PageModule, PageSHA256}, {"oauth2-edge.wasm", EdgeModule, EdgeSHA256}} {
		file, err := os.ReadFile(row.file)
		if err != nil {
			t.Fatal(err)
		}
		bytes := row.module()
		if string(bytes) != string(file) {
			t.Fatal("another module than the file", row.file)
		}
		bytes[0] = 'x'
		if row.module()[0] != 0 {
			t.Error("it can be changed from outside:", row.file)
		}
		if d := sha256.Sum256(file); row.sum() != hex.EncodeToString(d[:]) {
			t.Error(row.file, row.sum())
		}
	}
}

func TestCompiledOncePerProcess(t *testing.T) {
	one, err := New(t.Context(), EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer one.Shutdown()
	two, err := New(t.Context(), EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer two.Shutdown()
	if one.program != two.program {
		t.Error("two programs for the same traits")
	}
	if one.instances[0] == two.instances[0] {
		t.Error("two engines share an instance")
	}
}

func TestCompilationCache(t *testing.T) {
	dir := t.TempDir()
	for range 2 { // the second one uses the first one's cache
		p, err := compile(t.Context(), module, traits{pages: 256, cacheDir: dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := newEngine(t.Context(), p, 0)
		if err != nil {
			t.Fatal(err)
		}
		if h := e.Open([]byte("{}")); h != 0 || !strings.Contains(string(e.Effect(0)), `"error"`) {
			t.Errorf("open: %d", h)
		}
		e.Shutdown()
		p.runtime.Close(context.Background())
		if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
			t.Errorf("nothing was kept: %v", err)
		}
	}
	if _, err := New(t.Context(), EngineOptions{CacheDir: "engine_test.go/x"}); err == nil || !strings.HasPrefix(err.Error(), "oauth2: wasm: ") {
		t.Errorf("a folder that cannot be: %v", err)
	}
}

func TestMemoryLimit(t *testing.T) {
	if _, err := New(t.Context(), EngineOptions{MemoryLimit: leastMemory - 1}); err == nil || !strings.Contains(err.Error(), "131071 bytes, expected 131072") {
		t.Errorf("less than a session takes: %v", err)
	}
	least, err := New(t.Context(), EngineOptions{MemoryLimit: leastMemory})
	if err != nil {
		t.Fatal(err)
	}
	defer least.Shutdown()
	small, err := oauth.Open(t.Context(), least, testConfig, oauth.Options{HTTP: &http.Client{Transport: tokens{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	for range 20 {
		begun, err := small.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatalf("the least: %v", err)
		}
		if _, err := small.Callback(t.Context(), testConfig.RedirectURI+"?code=x&state="+begun.State); err != nil {
			t.Fatalf("the least: %v", err)
		}
	}
	if _, err := New(t.Context(), EngineOptions{MemoryLimit: -1}); err == nil {
		t.Error("a negative limit")
	}
	e, err := New(t.Context(), EngineOptions{MemoryLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown()
	c, err := oauth.Open(t.Context(), e, testConfig, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var refused *oauth.Error
	if _, err := c.Callback(t.Context(), "https://app.example/cb?x="+strings.Repeat("x", 900_000)); !errors.As(err, &refused) || refused.Code != "too_large" {
		t.Errorf("beyond the limit: %v", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// With a time limit for calls the module works as it does without.
func TestCallLimit(t *testing.T) {
	e, err := New(t.Context(), EngineOptions{CallLimit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown()
	c, err := oauth.Open(t.Context(), e, testConfig, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Authorize(t.Context(), oauth.AuthorizeParams{}); err != nil {
		t.Error(err)
	}
}

// With a context that is done there is no engine. A context that is cancelled later does not end
// the engine.
func TestContextOfNew(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e, err := New(ctx, EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown()
	cancel()
	c, err := oauth.Open(t.Context(), e, testConfig, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Status(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := New(ctx, EngineOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestShutdownUnderClients(t *testing.T) {
	e, err := New(t.Context(), EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := oauth.Open(t.Context(), e, testConfig, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e.Shutdown()
	if _, err := c.Status(t.Context()); !errors.Is(err, oauth.ErrInternal) {
		t.Errorf("got %v", err)
	}
}

// The engine of Open ends with its client.
func TestOpenOwnsItsEngine(t *testing.T) {
	c, err := Open(t.Context(), testConfig, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	e := &Engine{owned: true}
	i, err := must(embedded(t.Context(), traits{pages: defaultMemory / page})).instantiate(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	e.instances = []*instance{i}
	if e.tidy(i); i.lost == nil || len(e.instances) != 0 {
		t.Error("an instance without a session is kept")
	}
}

func must(p *program, err error) *program {
	if err != nil {
		panic(err)
	}
	return p
}

// 100 clients with one engine, and so with one instance, each with its own session and store.
func TestManyClientsOnOneEngine(t *testing.T) {
	e, err := New(t.Context(), EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			c, err := oauth.Open(t.Context(), e, testConfig, oauth.Options{HTTP: &http.Client{Transport: tokens{}}})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for range 3 {
				a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "mine"})
				if err != nil {
					t.Error(err)
					return
				}
				r, err := c.Callback(t.Context(), testConfig.RedirectURI+"?code=x&state="+a.State)
				if err != nil || r.AppState != "mine" {
					t.Errorf("%v, %+v", err, r)
				}
			}
		})
	}
	wg.Wait()
}

// The same engine, built by standard Go: the alternative if TinyGo should not keep up with Go. It
// needs WASI, which only tests provide.
func TestStandardGo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "oauth2-wasip1.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-o", file, "./module")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	bytes, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := compile(t.Context(), bytes, traits{pages: 1024}, func(ctx context.Context, r wazero.Runtime) error {
		_, err := wasi_snapshot_preview1.Instantiate(ctx, r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.runtime.Close(context.Background())
	engine := func(t testing.TB) oauth.Engine {
		e, err := newEngine(t.Context(), p, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Shutdown)
		return e
	}
	digest := sha256.Sum256(bytes)
	report := oauthtest.Report{Host: "go-wasip1", SHA256: hex.EncodeToString(digest[:])}
	t.Run("Transcripts", func(t *testing.T) {
		report.Transcripts = oauthtest.RunTranscripts(t, "../core/contract/client", engine)
	})
	t.Run("Contract", func(t *testing.T) {
		report.Contract = oauthtest.RunContract(t, "../core/contract/contract.json", engine, nil)
	})
	report.Write(t, "../build/hosts/go-wasip1.json")
}
