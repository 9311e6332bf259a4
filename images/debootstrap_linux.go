package images

import (
	"os/exec"
	"syscall"
)

// isolate gives a command namespaces of its own for mounts and processes. When it ends, or is
// killed, the kernel ends all that it started and unmounts all that it mounted; debootstrap by
// itself would leave both behind.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS, // with which Go makes the mounts private
	}
}
