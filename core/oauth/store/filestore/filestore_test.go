package filestore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

func openDir(t testing.TB, path string) *filestore.Dir {
	t.Helper()
	d, err := filestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func fresh(t testing.TB) (*filestore.Dir, string) {
	path := filepath.Join(t.TempDir(), "sessions")
	return openDir(t, path), path
}

// TestStore (X9): what every store must do.
func TestStore(t *testing.T) {
	oauthtest.RunStore(t, func(t testing.TB) (a, b oauthtest.SharedStore) {
		one, path := fresh(t)
		return one, openDir(t, path)
	})
}

// The contract suite passes with a directory as the store and with its file locks.
func TestContract(t *testing.T) {
	oauthtest.RunContract(t, "../../../contract/contract.json", func(testing.TB) oauth.Engine { return new(core.Engine) }, func(t testing.TB) oauth.Options {
		d, _ := fresh(t)
		return oauth.Options{Store: d, Locker: d}
	})
}

// Of two writers that saw the same version only one replaces the value, and a version is never used
// again.
func TestCompareAndSet(t *testing.T) {
	d, path := fresh(t)
	again := openDir(t, path)
	ctx := t.Context()
	seen := map[string]bool{}
	store := func(d *filestore.Dir, version, value string) string {
		t.Helper()
		v, err := d.Store(ctx, "k", version, &value)
		if err != nil || v == "" || seen[v] {
			t.Fatalf("%v, version %q", err, v)
		}
		seen[v] = true
		got, now, ok, err := again.Load(ctx, "k")
		if err != nil || !ok || got != value || now != v {
			t.Fatalf("loaded %q %q %v %v", got, now, ok, err)
		}
		return v
	}
	refused := func(version string, value *string) {
		t.Helper()
		if _, err := d.Store(ctx, "k", version, value); !errors.Is(err, oauth.ErrConflict) {
			t.Errorf("got %v", err)
		}
	}
	if _, _, ok, err := d.Load(ctx, "k"); ok || err != nil {
		t.Fatal(ok, err)
	}
	value := "other"
	refused("1", &value)
	first := store(d, "", "one\n\x00\xff two")
	refused("", &value)
	second := store(again, first, "")
	refused(first, &value)
	refused(first, nil)
	if v, err := d.Store(ctx, "k", second, nil); v != "" || err != nil {
		t.Fatal(v, err)
	}
	if _, _, ok, err := again.Load(ctx, "k"); ok || err != nil {
		t.Fatal(ok, err)
	}
	refused(second, &value)
	if v, err := d.Store(ctx, "k", "", nil); v != "" || err != nil {
		t.Error(v, err)
	}
	store(d, "", "one\n\x00\xff two")
}

// Every key has its own file in the directory, whatever characters it has.
func TestKeysBecomeFileNames(t *testing.T) {
	d, path := fresh(t)
	long := strings.Repeat("n", 300)
	keys := []string{
		"oauth2.session", "OAUTH2.session", "", ".", "..", "../escape", "/etc/x", `a\b`, "a/b", "a%2fb", "con", "nul.session", "a.", "a", " ",
		"ä", "\x00", "\xff", "k~", long + "1", long + "2", strings.Repeat("N", 100),
	}
	for _, k := range keys {
		if _, err := d.Store(t.Context(), k, "", &k); err != nil {
			t.Errorf("%q: %v", k, err)
		}
		unlock, err := d.Lock(t.Context(), k)
		if err != nil {
			t.Fatalf("%q: %v", k, err)
		}
		defer unlock()
	}
	for _, k := range keys {
		if value, _, ok, err := d.Load(t.Context(), k); err != nil || !ok || value != k {
			t.Errorf("%q: %q %v %v", k, value, ok, err)
		}
	}
	names := map[string]bool{}
	for _, f := range files(t, path) {
		names[strings.ToLower(f)] = true
		if strings.HasSuffix(f, ".") || len(f) > 255 || strings.ContainsAny(f, `/\:*?"<>|`) {
			t.Errorf("no name for every system: %q", f)
		}
	}
	if len(names) != 2*len(keys) {
		t.Errorf("%d files for %d keys", len(names), len(keys))
	}
	if up := files(t, filepath.Dir(path)); len(up) != 1 {
		t.Errorf("outside of the directory: %q", up)
	}
}

func files(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("Windows has access control lists instead")
		return
	}
	d, path := fresh(t)
	value := "v"
	if _, err := d.Store(t.Context(), "k", "", &value); err != nil {
		t.Fatal(err)
	}
	unlock, err := d.Lock(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	mode := func(path string) os.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	if m := mode(path); m != 0o700 {
		t.Errorf("the directory has %#o", m)
	}
	for _, f := range files(t, path) {
		if m := mode(filepath.Join(path, f)); m != 0o600 {
			t.Errorf("%s has %#o", f, m)
		}
	}
	for _, m := range []os.FileMode{0o755, 0o770, 0o701} {
		if err := os.Chmod(path, m); err != nil {
			t.Fatal(err)
		}
		if _, err := filestore.Open(path); err == nil || !strings.HasPrefix(err.Error(), "oauth2: filestore: ") {
			t.Errorf("a directory with %#o: %v", m, err)
		}
	}
	if _, err := filestore.Open(filepath.Join(path, files(t, path)[0])); err == nil {
		t.Error("a file as the directory")
	}
}

// A file that was truncated or changed is an error, and is not overwritten. The client's error says
// why it has no session.
func TestCorruptFile(t *testing.T) {
	d, path := fresh(t)
	value := `{"access_token":"a"}`
	version, err := d.Store(t.Context(), "oauth2.session", "", &value)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(path, "value-oauth2.session")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, raw []byte) {
		t.Helper()
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, ok, err := d.Load(t.Context(), "oauth2.session"); ok || !errors.Is(err, filestore.ErrCorrupt) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, %v", what, ok, err)
		}
		for _, v := range []string{"", version} {
			if _, err := d.Store(t.Context(), "oauth2.session", v, &value); !errors.Is(err, filestore.ErrCorrupt) {
				t.Errorf("%s: stored: %v", what, err)
			}
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != string(raw) {
			t.Errorf("%s: written over: %v", what, err)
		}
	}
	for n := range len(whole) {
		check("cut", whole[:n])
	}
	for _, at := range []int{0, len("oauth2-wasm 1 "), strings.IndexByte(string(whole), '\n') - 1, len(whole) - 1} {
		changed := append([]byte(nil), whole...)
		changed[at] ^= 1
		check("changed", changed)
	}
	check("longer", append(append([]byte(nil), whole...), 'x'))

	c, err := openClient(path, "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Token(t.Context()); !errors.Is(err, oauth.ErrStorage) || !errors.Is(err, filestore.ErrCorrupt) || !strings.Contains(err.Error(), file) {
		t.Errorf("the client: %v", err)
	}
	if err := os.Rename(file, file+".broken"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Store(t.Context(), "oauth2.session", "", &value); err != nil {
		t.Errorf("moved away: %v", err)
	}
}

// S72: what a crash left (half of a value, and lock files) disturbs nobody. The next Open removes
// it, but no file that another process holds.
func TestLeftByACrash(t *testing.T) {
	d, path := fresh(t)
	for _, name := range []string{"unfinished-value-k", "guard-value-k", "guard-value-other", "unfinished-value-other", "lock-other"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte(strings.Repeat("x", 10_000)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	value := "v"
	if _, err := d.Store(t.Context(), "k", "", &value); err != nil {
		t.Fatal(err)
	}
	if got, _, ok, err := d.Load(t.Context(), "k"); got != value || !ok || err != nil {
		t.Errorf("%q %v %v", got, ok, err)
	}
	unlock, err := d.Lock(t.Context(), "held")
	if err != nil {
		t.Fatal(err)
	}
	openDir(t, path)
	if names := strings.Join(files(t, path), " "); names != "lock-held value-k" {
		t.Error(names)
	}
	unlock()
	if names := strings.Join(files(t, path), " "); names != "value-k" {
		t.Error(names)
	}
}

// S71: a process that is stopped while it replaces a value delays only those who need that value.
func TestOneValueHoldsUpNoOther(t *testing.T) {
	d, path := fresh(t)
	slow := flock.New(filepath.Join(path, "guard-value-slow"))
	if held, err := slow.TryLock(); !held || err != nil {
		t.Fatal(held, err)
	}
	defer slow.Close()
	waiting, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, _, _, err := d.Load(waiting, "slow")
		ended <- err
	}()
	ctx, end := context.WithTimeout(t.Context(), oauthtest.Patience)
	defer end()
	for _, k := range []string{"a", "b"} {
		if _, err := d.Store(ctx, k, "", &k); err != nil {
			t.Errorf("%s: %v", k, err)
		}
		if got, _, ok, err := openDir(t, path).Load(ctx, k); got != k || !ok || err != nil {
			t.Errorf("%s: %q %v %v", k, got, ok, err)
		}
		if _, err := d.CreateKey(ctx, k, "ES256"); err != nil {
			t.Errorf("%s: %v", k, err)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A lock is shared by all Dirs of the directory. A wait ends with its context, and then does not
// take the lock.
func TestLockWithinAProcess(t *testing.T) {
	d, path := fresh(t)
	for name, other := range map[string]*filestore.Dir{"the same": d, "another": openDir(t, path)} {
		unlock, err := d.Lock(t.Context(), "n")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := other.Lock(ctx, "n"); !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "oauth2: filestore: ") {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		if free, err := other.Lock(t.Context(), "m"); err != nil {
			t.Errorf("%s: another lock: %v", name, err)
		} else {
			free()
		}
		got := make(chan func(), 1)
		go func() {
			free, err := other.Lock(context.Background(), "n")
			if err != nil {
				t.Error(err)
			}
			got <- free
		}()
		unlock()
		unlock()
		select {
		case free := <-got:
			free()
		case <-time.After(oauthtest.Patience):
			t.Fatal("never handed over")
		}
	}
}

func TestDirectoryThatIsGone(t *testing.T) {
	d, path := fresh(t)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := d.Load(t.Context(), "k"); ok || err == nil || !strings.HasPrefix(err.Error(), "oauth2: filestore: ") {
		t.Errorf("%v, %v", ok, err)
	}
}

// E33: two clients with one directory, each with its own Dir as in two processes, notice each
// other's changes.
func TestChanges(t *testing.T) {
	oauthtest.RunChanges(t, func(testing.TB) oauth.Engine { return new(core.Engine) }, func(t testing.TB) (a, b oauth.Store) {
		d, path := fresh(t)
		return d, openDir(t, path)
	})
}
