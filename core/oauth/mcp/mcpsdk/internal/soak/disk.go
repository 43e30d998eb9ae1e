//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideVariable says that this process has its own mounts.
const insideVariable = "SOAK_INSIDE"

// enter runs this program again with its own mounts, which end with it. If that is not permitted,
// it continues, and RLIMIT_FSIZE limits what the disk can hold.
func enter() {
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), insideVariable+"=yes")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if uid := os.Getuid(); uid != 0 {
		self.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		self.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		self.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if self.Start() != nil {
		os.Setenv(insideVariable, "no")
		return
	}
	if err := self.Wait(); err != nil && self.ProcessState.ExitCode() < 0 {
		os.Exit(1)
	}
	os.Exit(self.ProcessState.ExitCode())
}

// A disk holds a directory and can become full.
type disk struct {
	path    string
	mounted bool
}

const filler = "filler"

// newDisk makes a disk of half a megabyte, if mounts are permitted.
func newDisk(path string) (*disk, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	d := &disk{path: path}
	if os.Getenv(insideVariable) == "yes" && syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") == nil {
		d.mounted = syscall.Mount("tmpfs", path, "tmpfs", 0, "size=512k,mode=0700") == nil
	}
	if !d.mounted {
		os.Setenv(insideVariable, "no")
	}
	return d, nil
}

func (d *disk) close() error {
	if !d.mounted {
		return nil
	}
	return syscall.Unmount(d.path, syscall.MNT_DETACH)
}

// fill leaves no room on the disk, or no room in the files that the processes write.
func (d *disk) fill(pids []int) {
	if !d.mounted {
		limit(pids, 0)
		return
	}
	f, err := os.OpenFile(filepath.Join(d.path, filler), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	for _, size := range []int{1 << 16, 1 << 12} {
		for page := make([]byte, size); !errors.Is(err, syscall.ENOSPC); {
			_, err = f.Write(page)
		}
		err = nil
	}
}

func (d *disk) clear(pids []int) {
	if !d.mounted {
		limit(pids, unix.RLIM_INFINITY)
		return
	}
	os.Remove(filepath.Join(d.path, filler))
}

func limit(pids []int, size uint64) {
	for _, pid := range pids {
		unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: size, Max: unix.RLIM_INFINITY}, nil)
	}
}

func fullBy() string {
	if os.Getenv(insideVariable) == "yes" {
		return "a tmpfs of 512 KiB"
	}
	return "RLIMIT_FSIZE of the processes (no tmpfs may be mounted here)"
}
