"""syslogd hung: the daemon goes on, counts the log lines that are not read, and logs their number when they are; then syslogd restarted."""

import os
import signal
import socket
import subprocess
import threading
import time

import parts
from parts import Collector, Daemon, Visitor, holds, until

SIGHUPS = 2000


class Syslogd:
    """Listens where /dev/log will be, and reads until it is to hang."""

    def __init__(self, path):
        self.path, self.lines = path, []
        self.start()

    def start(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0.05)
        self.read()

    def read(self):
        self.is_hung = threading.Event()
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        while not self.is_hung.is_set():
            try:
                self.lines.append(self.socket.recv(4096).decode())
            except TimeoutError:
                pass

    def hang(self):
        self.is_hung.set()
        self.thread.join()

    def stop(self):
        self.hang()
        self.socket.close()
        os.unlink(self.path)

    def log(self):
        return "\n".join(self.lines)


def run(binary, folder):
    namespace = parts.mount_namespace()
    if not namespace:
        return print("skipped: no mount namespace (unshare --mount), so no /dev/log of the daemon's own")
    device = os.path.join(folder, "dev")
    os.mkdir(device)
    syslogd = Syslogd(os.path.join(device, "log"))
    words = [*namespace, "sh", "-c", 'mount --bind "$1" /dev && shift && exec "$@"', "sh", device]
    with Daemon(binary, folder, words=words, log=syslogd.log, to="syslog") as daemon:
        with Collector(daemon.statistics[0]):
            until(lambda: parts.ask(daemon.http[0]).status == 200)
            with Visitor(daemon.http[0]) as visitor:
                syslogd.hang()
                sent = 0
                while sent < SIGHUPS and lost(daemon) < 20:
                    os.kill(daemon.pid, signal.SIGHUP)
                    sent += 1
                    time.sleep(0.001)
                before = visitor.answers[200]
                holds("lines that nobody takes are counted", lost(daemon) >= 20, f"{lost(daemon)} after {sent} times SIGHUP")
                until(lambda: visitor.answers[200] > before + 100)
            holds("no request failed meanwhile", visitor.has_what_it_asked_for(), visitor)
            syslogd.read()
            last_line_taken = len(syslogd.lines)
            was_lost = lost(daemon)
            os.kill(daemon.pid, signal.SIGHUP)
            logged = until(lambda: [line for line in syslogd.lines if "dropped: the log was not being read" in line])
            holds("when it reads again, their number is logged", logged and f" {was_lost} log lines" in logged[0], logged and logged[0])
            holds("and the lines that it had not taken come first", len(syslogd.lines) > last_line_taken)
            syslogd.stop()
            with Visitor(daemon.http[0]) as visitor:
                before = lost(daemon)
                os.kill(daemon.pid, signal.SIGHUP)
                holds("while there is no syslogd, lines are counted", until(lambda: lost(daemon) > before))
                syslogd.start()
                taken = len(syslogd.lines)

                def is_received():
                    os.kill(daemon.pid, signal.SIGHUP)
                    time.sleep(0.1)
                    return len(syslogd.lines) > taken

                began = time.monotonic()
                holds("a syslogd that restarts is found again", until(is_received), f"after {time.monotonic() - began:.1f} s")
            holds("no request failed meanwhile", visitor.has_what_it_asked_for(), visitor)
    broken = os.path.join(folder, "broken.toml")
    with open(broken, "w", encoding="ascii") as file:
        file.write("[pacing]\noptimization-goal = 120\n")
    ended = subprocess.run([*words, binary, "--config", broken], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    logged = until(lambda: [line for line in syslogd.lines if "broken.toml:2" in line])
    holds("a configuration that is wrong at the start is logged there, too", logged and ended.returncode == 78, logged and logged[0])


def lost(daemon):
    return daemon.metric("pacingd_log_lines_lost_total")
