"""What every fault is tried with: the daemon, a collector that keeps reporting, visitors who keep asking, and `holds`."""

import base64
import collections
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CAPACITY = "/backend/data/pacing/channelCapacity?channel=chat"
STATE = "/backend/data/pacing/reactiveState?channel=chat"
READY = 4
# A debug build on a busy machine; no time that is waited for in full.
PATIENCE = 20

faults = 0


def holds(what, true, seen=""):
    """Says whether it holds, and what was seen."""
    global faults
    faults += not true
    print(f"{'ok     ' if true else 'FAULT  '} {what}{f': {seen}' if seen != '' else ''}", flush=True)
    return true


def until(true, patience=PATIENCE):
    """Whether it becomes true while one is patient."""
    end = time.monotonic() + patience
    while not (result := true()):
        if time.monotonic() > end:
            return result
        time.sleep(0.01)
    return result


class Answer(collections.namedtuple("Answer", "status body date")):
    @property
    def capacity(self):
        return json.loads(self.body).get("capacity") if self.status == 200 else None


class Client:
    """One connection after another, each for as many requests as it lasts."""

    def __init__(self, address, secured=False, patience=PATIENCE):
        if secured:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.connection = http.client.HTTPSConnection(*address, timeout=patience, context=context)
        else:
            self.connection = http.client.HTTPConnection(*address, timeout=patience)

    def ask(self, target=CAPACITY):
        try:
            self.connection.request("GET", target)
            response = self.connection.getresponse()
            return Answer(response.status, response.read().decode(), response.headers["date"])
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        self.connection.close()


def ask(address, target=CAPACITY):
    client = Client(address)
    with contextlib.closing(client):
        return client.ask(target)


class Loop:
    """Does something again and again on a thread of its own, for as long as the `with` lasts."""

    def __enter__(self):
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


# A request that failed: when its connection was opened, when it was sent, when it failed, and why.
Failure = collections.namedtuple("Failure", "opened began ended why")


class Visitor(Loop):
    """Keeps asking. An answer is right if `is_right` says so; a request that fails is asked again on a new connection."""

    def __init__(self, address, is_right=None, every=False, pause=0.002, targets=(CAPACITY, STATE), **how):
        self.is_right = is_right or (lambda answer: answer.capacity == READY)
        self.targets = list(targets)
        self.new_connection_every_time, self.pause = every, pause
        self.client = Client(address, **how)
        self.answers, self.wrong, self.slowest = collections.Counter(), [], 0.0
        self.failed = []
        # When it asked what was answered by "no statistics yet".
        self.waiting = []

    def run(self):
        targets = self.targets
        opened = None
        while not self.is_over.wait(self.pause):
            began = time.monotonic()
            opened = opened or began
            try:
                answer = self.client.ask(targets[0])
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(Failure(opened, began, time.monotonic(), repr(error)))
                opened = None
                continue
            finally:
                self.slowest = max(self.slowest, time.monotonic() - began)
            self.answers[answer.status] += 1
            if answer.status == 503:
                self.waiting.append(began)
            if targets[0] == STATE and answer.status == 200:
                is_right = 0 <= json.loads(answer.body)["reactiveState"] <= 1
            else:
                is_right = self.is_right(answer)
            if not is_right:
                self.wrong.append(answer)
            targets.reverse()
            if self.new_connection_every_time:
                self.client.close()
                opened = None
        self.client.close()

    def __str__(self):
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(self.answers.items()))
        return f"{answers or 'no answer'}, slowest {self.slowest * 1000:.0f} ms, {len(self.failed)} failed, {len(self.wrong)} wrong"

    def has_what_it_asked_for(self):
        return bool(self.answers) and not self.failed and not self.wrong


class Collector(Loop):
    """Keeps reporting groups of one agent each, all in one datagram."""

    def __init__(self, address, groups=READY, key=None, clock=time.time, pause=0.05):
        self.address, self.groups, self.key, self.clock, self.pause = address, groups, key, clock, pause
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent, self.entered = 0, 0
        # When each datagram was sent.
        self.times = []

    def run(self):
        while not self.is_over.wait(self.pause):
            self.report()

    def report(self):
        now = int(self.clock() * 1000)
        self.entered += 1
        lines = [self.line(f"group {index}", now) for index in range(self.groups)]
        with contextlib.suppress(OSError):
            self.socket.sendto(b"\n".join(lines), self.address)
            self.sent += 1
            self.times.append(time.monotonic())

    def line(self, group, now):
        line = {"channel": "chat", "group": group, "ready": 1, "loggedIn": 2, "reactiveEntered": self.entered, "time": now}
        return signed(line, self.key) if self.key else json.dumps(line).encode()


def signed(line, key):
    """A JWS in compact serialization (RFC 7515), HS256."""
    base64url = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
    text = base64url(b'{"alg":"HS256"}') + b"." + base64url(json.dumps(line).encode())
    return text + b"." + base64url(hmac.new(key, text, hashlib.sha256).digest())


class Daemon:
    """The real one, with a configuration in a folder and its log in a file there.

    Unless `log` gives its lines, or `log_in` is another folder, as the daemon sees it.
    """

    LISTEN = {"http": '"127.0.0.1:0"', "operators": '"127.0.0.1:0"', "statistics": '"127.0.0.1:0"'}

    def __init__(self, binary, folder, more="", words=(), log=None, log_in=None, start=None, listen=LISTEN, to="stderr"):
        self.configuration = os.path.join(folder, "pacingd.toml")
        self.listen = listen
        self.configure(more)
        self.file = os.path.join(log_in or folder, "log")
        self.process = None
        self.log = log or self.read_file
        command = [*words, binary, "--config", self.configuration, "--log", to]
        with open(os.path.join(folder, "log"), "wb") as file:
            self.process = start(command, file) if start else subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file)
        self.pid = self.process.pid
        if not until(lambda: "ready, version" in self.log() or self.process.poll() is not None) or self.process.poll() is not None:
            self.stop()
            raise SystemExit(f"the daemon did not start: {self.log()}")
        self.http, self.https, self.operators, self.statistics = (
            [(host, int(port)) for host, port in re.findall(rf"{what} ([\d.]+):(\d+)", self.log())]
            for what in ("answering HTTP on", "answering HTTPS on", "answering operators on", "receiving statistics on UDP")
        )
        self.operators = self.operators[0]

    def configure(self, more):
        """`more`: tables of TOML; those that listen get their addresses."""
        for table, address in self.listen.items():
            address = address if table == "operators" else f"[{address}]"
            line = f"[{table}]\nlisten = {address}\n"
            more = more.replace(f"[{table}]\n", line) if f"[{table}]\n" in more else line + more
        with open(self.configuration + ".new", "w", encoding="utf-8") as file:
            file.write(more)
        os.replace(self.configuration + ".new", self.configuration)

    def read_file(self):
        try:
            with open(self.inside(self.file), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def inside(self, path):
        """Where its file is for us, whatever is mounted for it; once it has ended, only our own files are left."""
        return f"/proc/{self.process.pid}/root{path}" if self.is_alive() else path

    def logged(self, words):
        return self.log().count(words)

    def metric(self, name):
        return int(re.search(rf"^{name} (\d+)$", ask(self.operators, "/metrics").body, re.M)[1])

    def health(self):
        return json.loads(ask(self.operators, "/health").body)

    def processor_time(self):
        """Seconds that it has computed, in its own code and in the kernel for it."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """KiB of memory of its own that are resident."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return int(re.search(r"RssAnon:\s*(\d+)", file.read())[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def allow_descriptors(self, number):
        _, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (number, hard))

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.is_alive():
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        status = self.stop()
        if kind is None:
            holds("it ends well", status == 0 and "panic" not in self.log(), f"status {status}")
        else:
            print(self.log(), file=sys.stderr)


def mount_namespace():
    """The words that start a program with mounts of its own; None if this machine does not let us."""
    return allowed(["unshare", "--mount", "--propagation", "private"], ["unshare", "--map-root-user", "--mount"])


def network_namespace():
    """… with a network of its own."""
    return allowed(["unshare", "--net"], ["unshare", "--map-root-user", "--net"])


def allowed(*choices):
    for words in choices:
        if subprocess.run([*words, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return words
    return None
