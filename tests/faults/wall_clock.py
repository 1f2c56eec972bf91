"""A wall clock of the daemon's own, which can be set without touching the machine's.

The kernel has namespaces for the other clocks, not for this one, and the daemon asks without the C library, so that nothing
can be put in between there. But a seccomp filter can have the kernel ask us for the answer (seccomp_unotify(2)), as soon as
the call goes to the kernel at all: so the new process's copy of the vDSO, which answers without one, is spoilt before its
first instruction. Who looks for it (rustix does) finds that it is none, and asks the kernel.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import signal
import socket
import struct
import subprocess
import threading
import time

# linux/seccomp.h, linux/filter.h, linux/ptrace.h
NO_NEW_PRIVILEGES, SET_FILTER, NEW_LISTENER = 38, 1, 1 << 3
NOTIFY_RECEIVE, NOTIFY_SEND = 0xC0502100, 0xC0182101
ASK_US, ALLOW = 0x7FC00000, 0x7FFF0000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
TRACE_ME, DETACH = 0, 17
REALTIME = 0
# Numbers of seccomp(2) and clock_gettime(2).
CALLS = {"x86_64": (317, 228), "aarch64": (277, 113)}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Unavailable(Exception):
    """This machine has no such clock, and why."""


class WallClock:
    def __init__(self):
        if platform.machine() not in CALLS:
            raise Unavailable(f"no clock of the daemon's own on {platform.machine()}")
        self.offset, self.asked, self.is_over = 0.0, 0, False

    def now(self):
        return time.time() + self.offset

    def set(self, to):
        self.offset = to - time.time()

    def start(self, command, log):
        """Starts a program that has this clock."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            pid = os.fork()
            if pid == 0:
                become(command, log, theirs)
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
            _, status = os.waitpid(pid, 0)
            if not descriptors or not os.WIFSTOPPED(status):
                raise Unavailable("this kernel lets us put no filter between a program and its clock")
        spoil_vdso(pid)
        threading.Thread(target=self.answer, args=descriptors, daemon=True).start()
        if libc.ptrace(DETACH, pid, None, None):
            raise OSError(ctypes.get_errno(), "ptrace")
        return Process(pid)

    def answer(self, listener):
        while not self.is_over:
            request = array.array("B", bytes(80))
            try:
                fcntl.ioctl(listener, NOTIFY_RECEIVE, request)
            except OSError as error:
                # Who asked may be gone.
                if error.errno not in (errno.EINTR, errno.ENOENT):
                    raise
                continue
            # struct seccomp_notif: id, pid, flags, then seccomp_data: nr, arch, instruction, six arguments.
            (identity, pid), (where,) = struct.unpack_from("=QI", request), struct.unpack_from("=Q", request, 40)
            nanoseconds = int(self.now() * 1e9)
            with contextlib.suppress(OSError), open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
                memory.seek(where)
                memory.write(struct.pack("=qq", *divmod(nanoseconds, 1_000_000_000)))
                self.asked += 1
                fcntl.ioctl(listener, NOTIFY_SEND, struct.pack("=Qqii", identity, 0, 0, 0))
        os.close(listener)

    def close(self):
        """Its program has ended."""
        self.is_over = True


class Process(subprocess.Popen):
    """A child that was forked by hand."""

    def __init__(self, pid):  # pylint: disable=super-init-not-called
        self.pid, self.returncode, self.args = pid, None, []
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._waitpid_lock = True, threading.Lock()


def become(command, log, theirs):
    """In the child: filters itself, hands the filter over, and becomes the program, stopped before its first instruction."""
    try:
        seccomp, clock_gettime = CALLS[platform.machine()]
        # seccomp_data: the call's number at 0, its first argument at 16 (the lower half, and the machine has that first).
        program = [(LOAD, 0, 0, 0), (EQUAL, 0, 3, clock_gettime), (LOAD, 0, 0, 16), (EQUAL, 0, 1, REALTIME)]
        program += [(RETURN, 0, 0, ASK_US), (RETURN, 0, 0, ALLOW)]
        code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
        header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
        libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        listener = libc.syscall(seccomp, SET_FILTER, NEW_LISTENER, header)
        if listener >= 0 and libc.ptrace(TRACE_ME, 0, None, None) == 0:
            socket.send_fds(theirs, [b"."], [listener])
            os.close(listener)
            os.dup2(log.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.execv(command[0], command)
    finally:
        os._exit(127)


def spoil_vdso(pid):
    """Lets the vDSO of a program, which is stopped, no longer look like one: its first byte."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        vdso = next(line for line in file if line.rstrip().endswith("[vdso]"))
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(int(vdso.split("-")[0], 16))
        memory.write(bytes(1))
