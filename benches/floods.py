#!/usr/bin/env python3
"""Floods and dawdlers: what a well-behaved client of pacingd notices of those that mean harm.

    benches/floods.py [PACINGD]            five rounds of 2 s each: about six minutes
    benches/floods.py --brief [PACINGD]    one of 1 s each, for the gate
    benches/floods.py --only garbage       those whose name has the word

A collector sends fresh statistics all the while. Two clients ask a daemon for the reactive state of two groups, 250 times a
second each: one over a connection kept open, one that connects anew for each request. Each attack is run twice a round:
against another daemon of the same binary and configuration, and against the one that is asked. The machine does the same
work both times, so that the ratio of both 99th percentiles is the daemon's share. (The first row of the table has no attack.)

Fails if
- an answer is not 200 with a state that the collector sent within the last 5 s (it sends another one each 0.1 s);
- the 99th percentile is more than 5 times that of the same attack against the other daemon. Each is the median of
  its rounds. --brief lets 1.5 s pass: a round of one second on a shared machine tells no
  more than whether clients starve, as they did (for 4 to 44 s) before connections took turns;
- anonymous memory exceeds its ceiling at any time, or is larger afterwards than it was meanwhile. (What connections took is
  kept by glibc's allocator for the next crowd, which takes no more: the daemons live through all attacks, one after the other);
- a datagram is neither counted by the daemon nor among those that the kernel dropped at its socket;
- a client that found all places taken is not answered once there is one.

Latency counts from when a request was due, if the one before it took too long. Needs Debian's cc and openssl.
"""

import argparse, datetime, multiprocessing, os, pathlib, platform, re, resource, select, signal, socket, ssl, statistics
import subprocess, sys, tempfile, time, urllib.request

from servers import HERE, KEY, PATH, ROOT, folder, jws, queued, waited_for

RATE = 250
MOST = 5
FRESH = 5.0
MIB = 1024
METRICS = 256

fork = multiprocessing.get_context("fork")


def fail(why):
    sys.exit(f"floods: {why}")


# The daemons

CONFIGURATIONS = {
    # As shipped, with a key.
    "shipped": """
        [http]
        listen = ["127.0.0.1:0"]
        """,
    # Places for all that come, no key, and TLS.
    "1,200 connections": """
        [http]
        listen = ["127.0.0.1:0"]
        [http.limits]
        connections = 1200
        [https]
        listen = ["127.0.0.1:0"]
        certificate = "{certificate}"
        key = "{secret}"
        """,
}


class Daemon:
    all = []

    def __init__(self, binary, work, kind):
        place = folder(work)
        certificate, secret, key = place / "certificate.pem", place / "key.pem", place / "key"
        if "https" in CONFIGURATIONS[kind]:
            make = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost".split()
            subprocess.run([*make, "-keyout", secret, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        key.write_bytes(KEY)
        key.chmod(0o600)
        self.is_signed = kind == "shipped"
        configuration = place / "pacingd.toml"
        configuration.write_text(CONFIGURATIONS[kind].format(certificate=certificate, secret=secret) + f"""
            [operators]
            listen = "127.0.0.1:0"
            [statistics]
            listen = "127.0.0.1:0"
            {f'key-files = ["{key}"]' if self.is_signed else ""}
            [pacing]
            algorithm = "EXTERNAL"
            refresh-period = 0.5
            """)
        log = place / "log"
        with log.open("wb") as out:
            self.process = subprocess.Popen([binary, "--config", configuration, "--log", "stderr"], stderr=out)
        Daemon.all.append(self)
        waited_for("pacingd", lambda: "ready, version" in log.read_text())
        port = lambda what: int((re.search(rf"{what} (?:on|UDP) \S+:(\d+)", log.read_text()) or [0, 0])[1])
        self.http, self.https = port("answering HTTP"), port("answering HTTPS")
        self.operators, self.statistics = port("answering operators"), port("statistics on")
        # Datagrams that the collector sent.
        self.told = fork.Value("Q", 0)

    def resident(self):
        """Anonymous memory in KiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^RssAnon:\s+(\d+)", status, re.M)[1])

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operators}/metrics", timeout=10) as answer:
            return dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))

    def metric(self, name):
        return int(sum(float(value) for key, value in self.metrics().items() if key.split("{")[0] == name))

    def open(self):
        return int(self.metrics()['pacingd_connections_open{side="visitors"}'])


# The collector, and what is right

def state_now():
    return int(time.monotonic() * 10) % 1000


def collect(daemons, pause):
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        state = state_now() / 1000
        lines = ['{"channel":"chat","group":"%s","ready":4,"reactiveState":%.3f,"time":%d}'
                 % (group, state, time.time() * 1000) for group in ("Sales", "Support")]
        plain, signed = "\n".join(lines).encode(), b"\n".join(map(jws, lines))
        with pause:
            for daemon in daemons:
                sender.sendto(signed if daemon.is_signed else plain, ("127.0.0.1", daemon.statistics))
                daemon.told.value += 1
        time.sleep(0.1)


# The well-behaved clients

def ask(connection, is_last):
    """Gives how old the answer is."""
    close = "connection: close\r\n" if is_last else ""
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\n{close}\r\n".encode())
    got = b""
    # Of fixed form: it ends with the first "}".
    while not got.endswith(b"}"):
        more = connection.recv(4096)
        if not more:
            raise ValueError(f"the connection ended after {got!r}")
        got += more
    right = re.fullmatch(rb'HTTP/1.1 200 .*\r\n\r\n\{"reactiveState":([01](?:\.\d{1,6})?)\}', got, re.S)
    if not right:
        raise ValueError(f"got {got!r}")
    thousandths = float(right[1]) * 1000
    age = (state_now() - round(thousandths)) % 1000 / 10
    if age > FRESH or abs(thousandths - round(thousandths)) > 0.01:
        raise ValueError(f"{thousandths} thousandths were not sent within {FRESH} s; now it is {state_now()}")
    return age


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def client(port, is_anew, seconds, pipe):
    """Tells that it is ready, waits for the word, tells latencies in ms and the age of the oldest answer."""
    try:
        kept = None if is_anew else connect(port)
        if kept:
            ask(kept, False)
        pipe.send("ready")
        pipe.recv()
        took, oldest, due = [], 0, time.perf_counter()
        until = due + seconds
        while due < until:
            time.sleep(max(0, due - time.perf_counter()))
            begun = time.perf_counter()
            # Late by more than sleeping makes: the one before took too long.
            begun = due if took and took[-1] > 1000 / RATE else begun
            connection = kept or connect(port)
            oldest = max(oldest, ask(connection, is_anew))
            took.append((time.perf_counter() - begun) * 1000)
            if is_anew:
                connection.close()
            due += 1 / RATE
        pipe.send((took, oldest))
    except (OSError, ValueError) as error:
        pipe.send(f"{'connecting anew' if is_anew else 'kept open'}: {error!r}")


class Client:
    def __init__(self, daemon, is_anew, seconds):
        self.pipe, other = fork.Pipe()
        self.process = fork.Process(target=client, args=(daemon.http, is_anew, seconds, other), daemon=True)
        self.process.start()
        other.close()
        self.heard()

    def heard(self):
        said = self.pipe.recv()
        if isinstance(said, str) and said != "ready":
            fail(said)
        return said


# Those that mean harm: each attacks a daemon until it is ended, says when it is under way, and counts what it did.

def opened(port, first=b"", small=False):
    """A connection, without waiting for it; `None`: the kernel takes none now."""
    connection = socket.socket()
    if small:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    connection.settimeout(1)
    try:
        connection.connect(("127.0.0.1", port))
        connection.sendall(first)
        connection.setblocking(False)
        return connection
    except OSError:
        connection.close()
        return None


def is_over(connection):
    try:
        while connection.recv(65536):
            pass
        return True
    except BlockingIOError:
        return False
    except OSError:
        return True


def hold(port, first, ready, count):
    """As many connections as there are first words, opened again when they end."""
    connections = [None] * len(first)
    while True:
        for place, connection in enumerate(connections):
            if connection is None or is_over(connection):
                connections[place] = opened(port, first[place])
                count.value += 1
        ready.set()
        time.sleep(0.2)


def idle(daemon, ready, count):
    hold(daemon.http, [b""] * 1000, ready, count)


def slowloris(daemon, ready, count):
    many, connections = 500, {}
    while True:
        for place in range(many):
            begun = time.monotonic()
            try:
                if connections.get(place) is None:
                    connections[place] = opened(daemon.http, b"GET / HTTP/1.1\r\nhost: ")
                else:
                    connections[place].send(b"a")
                    count.value += 1
            except BlockingIOError:
                pass
            except OSError:
                connections[place] = None
            if ready.is_set():
                time.sleep(max(0, begun + 1 / many - time.monotonic()))
        ready.set()


def pipelining(daemon, ready, count):
    many, requests = 500, f"GET {PATH} HTTP/1.1\r\nhost: a\r\n\r\n".encode() * 500
    connections, poll = {}, select.epoll()

    def renew(number=None):
        if number:
            connections.pop(number)[0].close()
        if connection := opened(daemon.http, small=True):
            connections[connection.fileno()] = [connection, time.monotonic()]
            poll.register(connection, select.EPOLLOUT)

    while True:
        # Over a second, so that those who are renewed later are not renewed all at once.
        for _ in range(many - len(connections)):
            renew()
            time.sleep(0 if ready.is_set() else 1 / many)
        for number, _ in poll.poll(0.1):
            try:
                count.value += connections[number][0].send(requests)
                connections[number][1] = time.monotonic()
            except OSError:
                renew(number)
        # One that can send no more has done what it can; the next.
        stuck = [number for number, (_, moved) in connections.items() if moved < time.monotonic() - 1]
        for number in stuck:
            ready.set()
            renew(number)


def hello():
    """The bytes with which a client of TLS begins."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


def tls_begun(daemon, ready, count):
    whole = hello()
    hold(daemon.https, [whole, whole[:len(whole) // 2]] * 500, ready, count)


def tls_flood(daemon, ready, count):
    """The daemon signs, the client goes away: dear for one, cheap for the other."""
    whole = hello()
    while True:
        connections = [connection for _ in range(16) if (connection := opened(daemon.https, whole))]
        for connection in connections:
            connection.settimeout(1)
            # Closed at once, for ports would run out.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            try:
                count.value += connection.recv(1) != b""
            except OSError:
                pass
            connection.close()
        ready.set()


def datagrams(what):
    def flood(daemon, ready, count):
        ready.set()
        # In pieces, for each tells how many it sent when it is over; what ends this waits for it. So many a millisecond that
        # 50,000 a second are left in spite of the pauses between them.
        seconds, rate = 0.25, 52
        while True:
            words = [FLOOR, "send", str(daemon.statistics), str(seconds), str(rate), what]
            count.value += int(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
            if stopping:
                return

    return flood


FLOOR = None
stopping = False
FORGED = "=" + jws('{"channel":"chat","group":"Sales","ready":4,"reactiveState":1,"time":%d}' % (time.time() * 1000), b"x" * 32).decode()
# Name, configuration, attack, whether who connects anew can be answered, what is counted, ceiling of anonymous memory (MiB):
# 1 without connections; 4 KiB for each idle connection and 22 for each at the worst (SECURITY.md), of all attacks so far.
ATTACKS = [
    ("nothing", "1,200 connections", lambda _, ready, count: (ready.set(), signal.pause()), True, "", 1),
    ("1,000 idle connections", "shipped", idle, False, "connections begun", 3),
    ("1,000 idle connections", "1,200 connections", idle, True, "connections begun", 6),
    ("500 slowloris, a byte a second", "shipped", slowloris, False, "bytes sent", 3),
    ("500 slowloris, a byte a second", "1,200 connections", slowloris, True, "bytes sent", 6),
    ("50,000 garbage datagrams a second", "1,200 connections", datagrams("garbage"), True, "datagrams sent", 6),
    ("50,000 forged datagrams a second", "shipped", datagrams(FORGED), True, "datagrams sent", 3),
    ("1,000 TLS handshakes never ended", "1,200 connections", tls_begun, True, "handshakes begun", 6),
    ("TLS handshakes as fast as they go", "1,200 connections", tls_flood, True, "handshakes begun", 6),
    ("500 pipelining, reading no answer", "1,200 connections", pipelining, True, "bytes sent", 12),
]


class Attack:
    def __init__(self, run, daemon):
        self.count, ready = fork.Value("Q", 0), fork.Event()
        self.process = fork.Process(target=self.main, args=(run, daemon, ready), daemon=True)
        self.process.start()
        if not ready.wait(30):
            fail("the attack did not get under way")
        self.begun, self.at = time.monotonic(), self.count.value

    def main(self, run, *about):
        def stop(*_):
            global stopping
            stopping = True
            # Who sends datagrams has to tell how many, first.
            if run.__name__ != "flood":
                os._exit(0)

        signal.signal(signal.SIGTERM, stop)
        run(*about, self.count)

    def end(self):
        """Gives what it did a second."""
        self.process.terminate()
        self.process.join(10)
        return (self.count.value - self.at) / (time.monotonic() - self.begun)


def phase(daemon, target, row, seconds, pause):
    """One attack. Gives latencies by client, the oldest answer, most memory, what was done a second, connections open."""
    name, _, run, is_anew_too, _, _ = row
    clients = [Client(daemon, is_anew, seconds) for is_anew in ([False, True] if is_anew_too else [False])]
    quiet = daemon.resident()
    with pause:
        before = accounted(daemon)
    attack = Attack(run, target)
    late = None
    if daemon is target and not is_anew_too:
        waited_for("a full house", lambda: daemon.open() >= 256)
        late = opened(daemon.http, f"GET {PATH} HTTP/1.1\r\nhost: late\r\nconnection: close\r\n\r\n".encode())
        late or fail(f"{name}: the kernel took no more connections")
    for each in clients:
        each.pipe.send("go")
    peak, until, places = 0, time.monotonic() + seconds, 0
    while time.monotonic() < until:
        time.sleep(0.05)
        peak = max(peak, daemon.resident())
    places = daemon.open()
    heard = [each.heard() for each in clients]
    rate = attack.end()
    with pause:
        after = accounted(daemon)
        sent = attack.count.value if daemon is target and run.__name__ == "flood" else 0
        told, counted = after[0] - before[0] + sent, after[1] - before[1]
        if told != counted:
            fail(f"{name}: of {told} datagrams {counted} are accounted for")
    if late:
        late.settimeout(15)
        late.recv(4096).startswith(b"HTTP/1.1 200 ") or fail(f"{name}: who came late was not answered")
    waited_for("the end of connections", lambda: daemon.open() == 0, 60)
    # /metrics, which has been asked for in between, has a text of its own.
    waited_for(f"memory of at most {peak} KiB after {name}", lambda: daemon.resident() <= max(peak, quiet) + METRICS)
    return [took for took, _ in heard], max(oldest for _, oldest in heard), peak, rate, places, after[2] - before[2]


def accounted(daemon):
    """Datagrams that the collector sent, those that are accounted for, and of these those that the kernel dropped."""
    waited_for("an empty socket", lambda: queued(daemon.statistics) == 0)
    dropped = daemon.metric("pacingd_statistics_datagrams_dropped_total")
    return daemon.told.value, daemon.metric("pacingd_statistics_datagrams_total") + dropped, dropped


def percentile(rounds, percent):
    """The median of each round's: a neighbour on the machine spoils one or two of them."""
    return statistics.median(sorted(values)[int(len(values) * percent / 100)] for values in rounds)


def tried(row, arguments, daemons, pause):
    name, kind, _, is_anew_too, counts, ceiling = row
    asked, other = daemons[kind]
    quiet, meanwhile, worst, rates, age, most, lost = [[], []], [[], []], 0, [], 0, 0, 0
    for _ in range(arguments.rounds):
        for target, into in ((other, quiet), (asked, meanwhile)):
            took, oldest, peak, rate, places, dropped = phase(asked, target, row, arguments.seconds, pause)
            for pile, more in zip(into, took):
                pile.append(more)
            if target is asked:
                worst, age, most, lost = max(worst, peak), max(age, oldest), max(most, places), lost + dropped
                rates.append(rate)
    cells, faults = [], []
    for what, before, now in zip(("kept open", "anew"), quiet, meanwhile):
        if not now:
            cells.append("waits")
            continue
        p99, ratio = percentile(now, 99), percentile(now, 99) / percentile(before, 99)
        cells.append(f"{percentile(before, 50):.2f} / {percentile(before, 99):.2f} → {percentile(now, 50):.2f} / {p99:.2f} ({ratio:.1f})")
        if ratio > MOST and not (arguments.brief and p99 < 1500):
            faults.append(f"{what}: the 99th percentile is {ratio:.1f} times the quiet one")
    if worst > ceiling * MIB:
        faults.append(f"{worst} KiB are resident; at most {ceiling} MiB should be")
    doing = f"{sum(rates) / len(rates):,.0f} {counts} a second" if counts else ""
    doing += f", {lost:,} dropped by the kernel" if counts.startswith("datagrams") else ""
    print(f"| {name} | {kind} | {cells[0]} | {cells[1]} | {worst / MIB:.1f} of {ceiling} | {most} | {age:.1f} | {doing} |", flush=True)
    return [f"{name} ({kind}): {fault}" for fault in faults]


def main():
    global FLOOR
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pacingd", nargs="?", default=ROOT / "target/release/pacingd", type=pathlib.Path)
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="of each attack")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.brief else 5)
    arguments.seconds = arguments.seconds or (1 if arguments.brief else 2)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    faults = []
    with tempfile.TemporaryDirectory() as place:
        work = pathlib.Path(place)
        FLOOR = str(work / "floor")
        subprocess.run(["cc", "-O2", "-o", FLOOR, HERE / "floor.c"], check=True)
        try:
            daemons = {kind: [Daemon(arguments.pacingd, work, kind) for _ in range(2)] for kind in CONFIGURATIONS}
            pause = fork.Lock()
            collector = fork.Process(target=collect, args=(Daemon.all, pause), daemon=True)
            collector.start()
            for daemon in Daemon.all:
                waited_for("statistics", lambda: daemon.metric("pacingd_groups") == 2)
            time.sleep(1)  # two refreshes
            print(f"{datetime.date.today()}, {os.cpu_count()} virtual cores, {platform.machine()}, Linux {platform.release()}")
            print("\n| attack | limits | kept open, ms: p50 / p99 quiet → meanwhile (ratio of p99) | anew | MiB, of at most "
                  "| connections | oldest answer, s | done |\n|---|---|---|---|---|---|---|---|")
            for row in ATTACKS:
                if arguments.only in row[0]:
                    faults += tried(row, arguments, daemons, pause)
            for daemon in Daemon.all:
                if daemon.process.poll() is not None:
                    faults.append(f"a daemon ended: {daemon.process.returncode}")
        finally:
            for daemon in Daemon.all:
                daemon.process.terminate()
            for daemon in Daemon.all:
                daemon.process.wait(10)
    if faults:
        fail("\n".join(faults))
    print("\nevery answer was right, every datagram is accounted for")


if __name__ == "__main__":
    main()
