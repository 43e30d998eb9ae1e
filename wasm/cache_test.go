//go:build unix

package wasm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// cacheHome gives this process another cache directory, and returns where our directory in it will
// be.
func cacheHome(t *testing.T) (home, dir string) {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home) // macOS
	t.Setenv("XDG_CACHE_HOME", home)
	t.Setenv("LocalAppData", home)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return home, filepath.Join(cache, cacheName)
}

// kept returns the files of compiled code in a directory.
func kept(t *testing.T, dir string) (files []string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	return files
}

// works compiles as New does, but without sharing the program with other engines, and calls the
// module.
func works(t *testing.T) {
	t.Helper()
	p, err := compileUsual(t.Context(), module, traits{pages: 256, usual: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.runtime.Close(context.Background())
	e, err := newEngine(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown()
	if h := e.Open([]byte("{}")); h != 0 || len(e.Effect(0)) == 0 {
		t.Errorf("open: %d", h)
	}
}

// TestUsualCache (E123): compiled code is cached in the user's cache directory by default, and read
// from there.
func TestUsualCache(t *testing.T) {
	_, dir := cacheHome(t)
	works(t)
	files := kept(t, dir)
	if len(files) != 1 {
		t.Fatalf("kept: %q", files)
	}
	before, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	works(t)
	if after, err := os.Stat(files[0]); err != nil || !os.SameFile(before, after) || len(kept(t, dir)) != 1 {
		t.Errorf("it was compiled again: %v", err)
	}
	if _, err := New(t.Context(), EngineOptions{NoCache: true, MemoryLimit: 3 << 20}); err != nil || len(kept(t, dir)) != 1 {
		t.Errorf("with NoCache: %v, %q", err, kept(t, dir))
	}
}

// TestCacheThatFails (E124): whatever is wrong with the user's cache directory, the module runs,
// and a damaged file is deleted.
func TestCacheThatFails(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(t *testing.T, home, dir string)
		kept  int // number of cached files afterwards
	}{
		{"no directory is known", func(t *testing.T, _, _ string) {
			for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} {
				t.Setenv(name, "")
			}
		}, 0},
		{"the directory cannot be written", func(t *testing.T, home, dir string) {
			if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir, nil, 0o400); err != nil { // a file in place of the directory stops the superuser, too
				t.Fatal(err)
			}
		}, 1},
		{"others may write there", func(t *testing.T, _, dir string) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}, 0},
		{"others may write above it", func(t *testing.T, home, dir string) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Dir(dir), 0o770); err != nil {
				t.Fatal(err)
			}
		}, 0},
		{"a file was cut", func(t *testing.T, _, dir string) {
			works(t)
			for _, file := range kept(t, dir) {
				if err := os.Truncate(file, 1000); err != nil {
					t.Fatal(err)
				}
			}
		}, 0},
		{"a file is another", func(t *testing.T, _, dir string) {
			works(t)
			for _, file := range kept(t, dir) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				text[len(text)/2] ^= 1
				if err := os.WriteFile(file, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			home, dir := cacheHome(t)
			row.spoil(t, home, dir)
			works(t)
			if files := kept(t, dir); len(files) != row.kept {
				t.Errorf("kept: %q", files)
			}
			works(t)
		})
	}
}

// TestCacheOfMany (E124): processes that start at once with an empty directory all run.
func TestCacheOfMany(t *testing.T) {
	if os.Getenv("CACHE_TEST_CHILD") != "" {
		works(t)
		return
	}
	_, dir := cacheHome(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	const many = 4
	for range many {
		go func() {
			child := exec.Command(self, "-test.run=^TestCacheOfMany$")
			child.Env = append(os.Environ(), "CACHE_TEST_CHILD=1")
			out, err := child.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			ended <- err
		}()
	}
	for range many {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if files := kept(t, dir); len(files) != 1 {
		t.Errorf("kept: %q", files)
	}
	works(t)
}
