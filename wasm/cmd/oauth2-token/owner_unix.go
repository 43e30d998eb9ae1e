//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// mine reports whether the file belongs to this user. The owner of a directory can put another
// socket into it, whatever its mode is.
func mine(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
