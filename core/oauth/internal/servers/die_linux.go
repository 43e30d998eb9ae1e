package servers

import "syscall"

// dieWithParent has the kernel end a child whose parent is gone.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
