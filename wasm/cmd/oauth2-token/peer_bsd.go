//go:build darwin || freebsd

package main

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerUID is the uid of the process at the other end when it connected, according to the kernel.
func peerUID(conn net.Conn) (uid int, err error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Xucred
	err2 := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptXucred(int(fd), 0, unix.LOCAL_PEERCRED) }) // 0: SOL_LOCAL
	if err2 != nil {
		return 0, err2
	}
	if err != nil {
		return 0, err
	}
	return int(cred.Uid), nil
}
