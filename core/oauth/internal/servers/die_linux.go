package servers

import "syscall"

// dieWithParent makes the kernel kill a child whose parent is gone.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
