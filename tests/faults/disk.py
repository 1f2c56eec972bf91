"""Disk full, with the log on it: the daemon goes on, counts the log lines that found no room, and logs their number when there is some."""

import os
import signal
import stat

import parts
from parts import Collector, Daemon, Visitor, holds, until

ENOUGH = 20


def run(binary, folder):
    namespace = parts.mount_namespace()
    if not namespace:
        return print("skipped: no mount namespace (unshare --mount), so no disk to fill")
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    # The daemon's folder is in another mount namespace; the kernel shows it to us.
    script = 'mount -t tmpfs -o size=64k none "$1" && exec 2>"$1/log" && shift && exec "$@"'
    words = [*namespace, "sh", "-c", script, "sh", disk]
    with Daemon(binary, folder, words=words, log_in=disk) as daemon, Collector(daemon.statistics[0]):
        until(lambda: parts.ask(daemon.http[0]).status == 200)
        with Visitor(daemon.http[0]) as visitor:
            filler = daemon.inside(os.path.join(disk, "filler"))
            holds("the disk is full", is_filled(filler))

            def reloaded_and_lost():
                os.kill(daemon.pid, signal.SIGHUP)
                return lost(daemon) >= ENOUGH

            holds("lines that find no room are counted", until(reloaded_and_lost), lost(daemon))
            before = visitor.answers[200]
            holds("answers go on", until(lambda: visitor.answers[200] > before + 100))
            written = [name for name in files_to_write(daemon) if not name.endswith("/log")]
            holds("it writes to no other file", not written, ", ".join(written))
            os.unlink(filler)
            # A signal of before may still be under way: its line, and the number, come then.
            os.kill(daemon.pid, signal.SIGHUP)
            logged = until(lambda: [line for line in daemon.log().splitlines() if "dropped: the log was not being read" in line])
            holds("when there is room, their number is logged", bool(logged) and f" {lost(daemon)} log lines" in logged[0], logged and logged[0])
            is_whole = bool(logged) and logged[0].startswith("pacingd: warning: ")
            holds("on a line of its own, though the line before was cut", is_whole)
        holds("no request failed", visitor.has_what_it_asked_for(), visitor)


def is_filled(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(bytes(512)):
                pass
        except OSError as error:
            return error.strerror
    return False


def files_to_write(daemon):
    """Files on a disk that it has open, and not only to read."""
    for name in os.listdir(f"/proc/{daemon.pid}/fd"):
        file = f"/proc/{daemon.pid}/fd/{name}"
        if stat.S_ISREG(os.stat(file).st_mode) and os.lstat(file).st_mode & stat.S_IWUSR:
            yield os.readlink(file)


def lost(daemon):
    return daemon.metric("pacingd_log_lines_lost_total")
