//go:build unix

package wasm

import (
	"os"
	"path/filepath"
	"syscall"
)

// private reports whether only this user (and the superuser) can change what is in dir: it and all
// directories above it belong to them, and others either cannot write there, or cannot touch files
// of others (/tmp).
func private(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	for {
		info, err := os.Lstat(dir)
		if err != nil {
			return false
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok || owner.Uid != 0 && owner.Uid != uint32(os.Geteuid()) {
			return false
		}
		if info.Mode().Perm()&0o022 != 0 && info.Mode()&os.ModeSticky == 0 {
			return false
		}
		up := filepath.Dir(dir)
		if up == dir {
			return true
		}
		dir = up
	}
}
