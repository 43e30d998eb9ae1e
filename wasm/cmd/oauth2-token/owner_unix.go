//go:build unix

package main

import (
	"io/fs"
	"os"
	"syscall"
)

// mine: the file is this user's. Who owns a directory can put another socket in it, whatever its
// mode is.
func mine(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
