package wasm

import (
	"context"
	"os"
	"path/filepath"
)

// cacheName is our folder in the user's cache directory.
const cacheName = "oauth2-wasm"

// usualCache is where compiled code is kept between processes, where nobody said so: a folder of
// our own in the user's cache directory. It is empty where there is none, and where somebody else
// could put code there.
func usualCache() string {
	parent, err := os.UserCacheDir()
	if err != nil || !filepath.IsAbs(parent) {
		return ""
	}
	dir := filepath.Join(parent, cacheName)
	if err := os.MkdirAll(dir, 0o700); err != nil || !private(dir) {
		return ""
	}
	return dir
}

// compileUsual compiles with the usual cache. What is wrong there (it cannot be written, a file was
// damaged, the disk is full) keeps nobody from running: what is kept is thrown away, and the module
// compiled without.
func compileUsual(ctx context.Context, bytes []byte, t traits) (*program, error) {
	if t.cacheDir = usualCache(); t.cacheDir != "" {
		p, err := compile(ctx, bytes, t, nil)
		if err == nil || ctx.Err() != nil {
			return p, err
		}
		os.RemoveAll(t.cacheDir)
		t.cacheDir = ""
	}
	return compile(ctx, bytes, t, nil)
}
