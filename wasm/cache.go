package wasm

import (
	"context"
	"os"
	"path/filepath"
)

// cacheName is our directory in the user's cache directory.
const cacheName = "oauth2-wasm"

// usualCache is the default directory for compiled code: our own in the user's cache directory. It
// is empty if there is no such directory, or if somebody else could put code there.
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

// compileUsual compiles with the default cache. If the cache fails (it cannot be written, a file is
// damaged, the disk is full), the cached code is deleted, and the module is compiled without a
// cache.
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
