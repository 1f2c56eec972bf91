"""System calls that fail: each call with each error, several times, by strace's injection.

While the daemon serves, it must neither die, nor spin, nor stop serving. While it starts, it serves or exits with a message
and a code of sysexits.h. Prints a table: the call, the error, how often it was injected, and what was seen.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import parts
from parts import Collector, Daemon, Visitor, holds, until

# While it serves. No EAGAIN for reading: the kernel never reports it after it reported that there is something.
SERVING = {
    "accept4": "ECONNABORTED EMFILE ENFILE ENOBUFS ENOMEM EINTR EPERM EPROTO ETIMEDOUT EHOSTUNREACH EAGAIN",
    "recvfrom": "EINTR ECONNRESET ENOMEM EIO ETIMEDOUT ECONNREFUSED ENOBUFS",
    "writev,sendto": "EPIPE ECONNRESET EINTR ENOBUFS ENOMEM ETIMEDOUT EHOSTUNREACH EIO",
    "epoll_wait,epoll_pwait": "EINTR",
    "epoll_ctl": "ENOMEM ENOSPC EPERM",
    "setsockopt": "ENOBUFS EINVAL ENOMEM ENOPROTOOPT",
    "shutdown": "ENOTCONN ENOBUFS EINTR",
    "close": "EIO EINTR ENOSPC",
    "openat": "EMFILE ENFILE ENOENT EACCES EINTR EIO ENOMEM ELOOP EPERM",
    "read": "EIO EINTR EISDIR ENOMEM",
    "statx,fstat,newfstatat": "EIO EACCES ENOMEM ELOOP EINTR",
    "write": "EIO ENOSPC EPIPE EINTR EAGAIN EFBIG",
    "poll,ppoll": "EINTR ENOMEM",
}

# While it starts: the error, and whether only calls about its configuration count (the loader opens files, too).
STARTING = {
    "socket": ("EMFILE EAFNOSUPPORT", False),
    "bind": ("EADDRINUSE EACCES", False),
    "listen": ("EADDRINUSE", False),
    "setsockopt": ("ENOBUFS", False),
    "getsockname": ("ENOBUFS", False),
    "epoll_create1": ("EMFILE", False),
    "eventfd2": ("EMFILE", False),
    "epoll_ctl": ("ENOSPC", False),
    "socketpair": ("EMFILE", False),
    "ioctl": ("EIO", False),
    "openat": ("EMFILE EACCES EINTR", True),
    "read": ("EIO EINTR", True),
    "statx,fstat,newfstatat": ("EIO", True),
}

# A phase in which errors are injected, in seconds; and calls in it that are a spin: traffic makes some hundreds.
PHASE = 0.6
SPIN = 5000


def run(binary, folder):
    if not shutil.which("strace"):
        holds("strace is installed", False, "install the package strace")
        return
    print(f"        {'call':<24}{'error':<14}{'injected':>8}  seen", flush=True)
    pairs = 0
    with Daemon(binary, folder) as daemon:
        daemon.allow_descriptors(1024)
        for call, errors in SERVING.items():
            for error in errors.split():
                serve(daemon, call, error)
                pairs += 1
    for call, (errors, only_configuration) in STARTING.items():
        for error in errors.split():
            start(binary, folder, call, error, only_configuration)
            pairs += 1
    hang_up(binary, folder)
    holds("at least 60 pairs of call and error were tried", pairs >= 60, f"{pairs} pairs")


def row(call, error, injected, true, seen):
    call = call.split(",")[0]
    holds(f"{call:<24}{error:<14}{injected:>8}", true, seen)


def serve(daemon, call, error):
    """Every other call fails while visitors ask, statistics come, and the configuration is read again."""
    # The log alone: what the event loop writes to its eventfd, to wake itself, cannot fail so.
    files = ["-P", daemon.file] if call == "write" else []
    with injecting(files, call, f"error={error}:when=1+2", joined=daemon.pid) as trace:
        # An answer that is lost is not waited for.
        kept, new = (Visitor(daemon.http[0], every=every, is_right=lambda _: True, patience=0.5) for every in (False, True))
        with kept, new:
            with Collector(daemon.statistics[0]):
                end = time.monotonic() + PHASE
                # On a busy machine a little longer.
                while daemon.is_alive() and (time.monotonic() < end or trace()[1] < 2 and time.monotonic() < end + 5):
                    daemon.process.send_signal(signal.SIGHUP)
                    time.sleep(0.1)
    calls, injected = trace()
    reloads = daemon.log().count("is in force")
    daemon.process.send_signal(signal.SIGHUP)
    seen = []
    if not daemon.is_alive():
        seen.append(f"it died: {daemon.log().splitlines()[-1:]}")
    else:
        if calls > SPIN:
            seen.append(f"it spins: {calls} calls")
        with Collector(daemon.statistics[0]):
            if not until(lambda: is_right(daemon), 5):
                seen.append("it does not serve")
            if not until(lambda: daemon.log().count("is in force") > reloads, 5):
                seen.append("it does not reload")
        before = daemon.processor_time()
        time.sleep(0.2)
        if daemon.processor_time() - before > 0.1:
            seen.append("it spins afterwards")
    if injected < 2:
        seen.append("the error was not injected")
    row(call, error, injected, not seen, ", ".join(seen) or "serves")


def is_right(daemon):
    try:
        client = parts.Client(daemon.http[0], patience=1)
        with contextlib.closing(client):
            return client.ask().capacity == parts.READY
    except OSError:
        return False


def start(binary, folder, call, error, only_configuration):
    """The first call fails, then the second, then the third: each start serves, or says why not."""
    codes, injected, seen = [], 0, []
    for number in (1, 2, 3):
        configuration = write_configuration(folder)
        words = ["-P", configuration] if only_configuration else []
        command = [*words, binary, "--config", configuration, "--log", "stderr"]
        with injecting(command, call, f"error={error}:when={number}") as trace:
            process = trace.process
            lines = []
            for line in process.stderr:
                lines.append(line.decode(errors="replace"))
                if "ready, version" in lines[-1]:
                    codes.append("serves")
                    break
            else:
                code = process.wait()
                codes.append(str(code))
                if code not in (71, 78) or not any(line.startswith("pacingd: ") for line in lines):
                    seen.append(f"exit {code}: {lines[-1:]}")
        injected += trace()[1]
    row(call, error, injected, not seen and injected, ", ".join(seen or codes))


def write_configuration(folder):
    configuration = os.path.join(folder, "start.toml")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write('http.listen = ["127.0.0.1:0"]\noperators.listen = "127.0.0.1:0"\nstatistics.listen = "127.0.0.1:0"\n')
    return configuration


def hang_up(binary, folder):
    """SIGHUP while the daemon is still reading its configuration: it reads it again once it serves."""
    configuration = write_configuration(folder)
    command = ["-P", configuration, binary, "--config", configuration, "--log", "stderr"]
    with injecting(command, "openat", "delay_enter=500000:when=1") as trace:
        until(lambda: trace.child() and catches(trace.child()))
        os.kill(trace.child(), signal.SIGHUP)
        lines = []
        for line in trace.process.stderr:
            lines.append(line.decode(errors="replace"))
            if "is in force" in lines[-1]:
                break
    holds("SIGHUP while it starts", any("is in force" in line for line in lines), lines[-1:])


def catches(pid):
    """Whether it has a handler for SIGHUP."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"^SigCgt:\s*(\w+)", status.read(), re.M)[1], 16) & 1


class Trace:
    """strace, which has started a program, or joined the process `joined`."""

    def __init__(self, process, file, joined):
        self.process, self.file, self.joined = process, file, joined

    def child(self):
        """The process that strace has started."""
        with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as pids:
            return int(pids.read() or 0) or None

    def end(self):
        """Ends the process, and strace with it; or makes strace let go of one that it has joined."""
        if not self.joined:
            child = self.child()
            if child:
                os.kill(child, signal.SIGTERM)
            return
        # Not in the middle of a call: one whose error is being injected would fail with ENOSYS, which nobody asked for. A
        # process that has stopped is in none.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.joined, signal.SIGSTOP)
            until(lambda: self.process.poll() is not None or "--- stopped by SIGSTOP ---" in self.text())
        self.process.terminate()
        self.process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.joined, signal.SIGCONT)

    def text(self):
        with open(self.file, encoding="utf-8", errors="replace") as lines:
            return lines.read()

    def __call__(self):
        """Calls seen, and errors injected."""
        text = self.text()
        return text.count("\n"), text.count("(INJECTED)")


@contextlib.contextmanager
def injecting(command, call, what, joined=None):
    file = os.path.join(tempfile.gettempdir(), f"pacingd-strace-{os.getpid()}")
    who = ["-p", str(joined)] if joined else ["-qq"]
    words = ["strace", "-f", *who, "-o", file, "-e", f"trace={call}", "-e", f"inject={call}:{what}", *command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    trace = Trace(process, file, joined)
    try:
        if joined:
            # It prints when it has joined.
            printed = process.stderr.readline().decode()
            if not re.search("attached", printed):
                raise SystemExit(f"strace cannot join the daemon: {printed}")
        yield trace
    finally:
        trace.end()
        process.wait()
        process.stderr.close()
