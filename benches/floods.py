#!/usr/bin/env python3
"""Floods, and clients that are slow or silent: what a well-behaved client of pacingd notices of them.

    benches/floods.py [PACINGD]            five rounds of 2 s each: about ten minutes
    benches/floods.py --brief [PACINGD]    one of 1 s each, for the gate
    benches/floods.py --only garbage       those whose name has the word

A collector sends fresh statistics all the while. Three clients ask a daemon for the reactive state of two groups: one over a
connection kept open and one that connects anew for each request, 250 times a second each, and one that connects anew
over TLS, 25 times a second. Each attack is run twice a round: against another daemon of the same binary and configuration,
and against the one that is asked. The machine does the same work both times, so that the ratio of both 99th percentiles is
the daemon's share. (The first row of the table has no attack.)

Fails if
- an answer is not 200 with a state that the collector sent within the last 5 s (it sends another one each 0.1 s);
- the 99th percentile of the connection kept open is more than 5 times that of the same attack against the other daemon, or
  a client that connects anew waits longer than 100 ms, with TLS or without, in 99 of 100 cases. Each is the median of its
  rounds. --brief lets 1.5 s pass: a round of one second on a shared machine shows only whether clients starve;
- anonymous memory exceeds its ceiling at any time, or is larger afterwards than it was meanwhile (what connections took is
  kept by glibc's allocator for the next ones: the daemons live through all attacks, one after the other);
- a datagram is neither counted by the daemon nor among those that the kernel dropped at its socket; or one of a burst of 256
  is dropped, where net.core.rmem_max grants the buffer of 1 MiB.

Latency counts from when a request was due, if the one before it took too long. Needs Debian's cc and openssl.
"""

import argparse, datetime, multiprocessing, os, pathlib, platform, re, resource, select, signal, socket, ssl, statistics
import subprocess, sys, tempfile, time, urllib.request

from servers import HERE, KEY, PATH, ROOT, folder, jws, queued, waited_for

# Requests a second of each client.
RATES = {"kept open": 250, "anew": 250, "anew, TLS": 25}
MOST = 5
# Milliseconds.
NEWCOMER = 100
FRESH = 5.0
MIB = 1024
METRICS = 256

fork = multiprocessing.get_context("fork")


def fail(why):
    sys.exit(f"floods: {why}")


# The daemons

# Connections, and whether statistics are signed.
CONFIGURATIONS = {"shipped": (256, True), "1,200 connections": (1200, False)}


class Daemon:
    all = []

    def __init__(self, binary, work, kind):
        place = folder(work)
        certificate, secret, key = place / "certificate.pem", place / "key.pem", place / "key"
        make = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=localhost".split()
        subprocess.run([*make, "-keyout", secret, "-out", certificate], check=True, stderr=subprocess.DEVNULL)
        key.write_bytes(KEY)
        key.chmod(0o600)
        connections, self.is_signed = CONFIGURATIONS[kind]
        configuration = place / "pacingd.toml"
        configuration.write_text(f"""
            [http]
            listen = ["127.0.0.1:0"]
            limits.connections = {connections}
            [https]
            listen = ["127.0.0.1:0"]
            certificate = "{certificate}"
            key = "{secret}"
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
            raise ConnectionResetError(f"the connection ended after {got!r}")
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


def client(kind, port, seconds, pipe):
    """Sends "ready", waits for a word, sends latencies in ms and the age of the oldest answer."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE

    def connection():
        return trusting.wrap_socket(connect(port)) if kind == "anew, TLS" else connect(port)

    try:
        kept = connection() if kind == "kept open" else None
        if kept:
            ask(kept, False)
        interval = 1 / RATES[kind]
        pipe.send("ready")
        pipe.recv()
        took, oldest, due = [], 0, time.perf_counter()
        until = due + seconds
        while due < until:
            time.sleep(max(0, due - time.perf_counter()))
            begun = time.perf_counter()
            # Late by more than sleeping makes: the one before took too long.
            begun = due if took and took[-1] > 1000 * interval else begun
            asked = kept
            while True:
                try:
                    asked = asked or connection()
                    oldest = max(oldest, ask(asked, not kept))
                    break
                except (ConnectionError, ssl.SSLError):
                    # Its place went to another client, and it connects again: that takes time, which counts.
                    asked = None
            kept = kept and asked
            took.append((time.perf_counter() - begun) * 1000)
            if not kept:
                asked.close()
            due += interval
        pipe.send((took, oldest))
    except (OSError, ValueError) as error:
        pipe.send(f"{kind}: {error!r}")


class Client:
    def __init__(self, kind, daemon, seconds):
        self.pipe, other = fork.Pipe()
        port = daemon.https if kind == "anew, TLS" else daemon.http
        self.process = fork.Process(target=client, args=(kind, port, seconds, other), daemon=True)
        self.process.start()
        other.close()
        self.received()

    def received(self):
        message = self.pipe.recv()
        if isinstance(message, str) and message != "ready":
            fail(message)
        return message


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
                # The attackers must not take the processors that the others are measured on.
                time.sleep(0.0002)
        ready.set()
        time.sleep(0.2)


def idle(daemon, ready, count):
    hold(daemon.http, [b""] * 1000, ready, count)


def silent_tls(daemon, ready, count):
    hold(daemon.https, [b""] * 130, ready, count)


def kept_alive(daemon, ready, count):
    """Each has asked once, and stays."""
    hold(daemon.http, [f"GET {PATH} HTTP/1.1\r\nhost: a\r\n\r\n".encode()] * 256, ready, count)


def repeating(first, then, many=250):
    """Connections that send something, and then something else for as long as it is taken."""

    def attack(daemon, ready, count):
        connections = {}
        while True:
            for place in range(many):
                connection = connections.get(place) or opened(daemon.http, first)
                connections[place] = connection
                try:
                    connection and connection.setblocking(False)
                    count.value += connection.send(then) if connection else 0
                    if connection and is_over(connection):
                        raise ConnectionResetError
                except BlockingIOError:
                    pass
                except OSError:
                    connection.close()
                    connections[place] = None
                time.sleep(0.0005)
            ready.set()

    return attack


bodies = repeating(f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 100000000\r\n\r\n".encode(), b"x" * 16384)
empty_lines = repeating(b"", b"\r\n" * 64)


def churn(daemon, ready, count):
    """Connections that are opened and closed again, as fast as it goes, and every other one asks first."""
    while True:
        for number in range(16):
            if connection := opened(daemon.http, f"GET {PATH} HTTP/1.1\r\nhost: a\r\n\r\n".encode() if number % 2 else b""):
                # Ports would run out otherwise.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()
                count.value += 1
                time.sleep(0.0002)
        ready.set()


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


def pipelining(over_tls):
    """Clients that send requests for as long as they are taken, and read no answer; one that is stuck stays for a second."""

    def attack(daemon, ready, count):
        many, requests = 253, f"GET {PATH} HTTP/1.1\r\nhost: a\r\n\r\n".encode() * 200
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connections, poll = {}, select.epoll()

        def renew(number=None):
            if number:
                connections.pop(number)[0].close()
            connection = opened(daemon.https if over_tls else daemon.http, small=True)
            try:
                if connection and over_tls:
                    connection.settimeout(2)
                    connection = trusting.wrap_socket(connection)
                    connection.setblocking(False)
            except OSError:
                connection.close()
                return
            if connection:
                connections[connection.fileno()] = [connection, time.monotonic()]
                poll.register(connection, select.EPOLLOUT)

        while True:
            for _ in range(many - len(connections)):
                renew()
                # Over a second, so that those who are renewed later are not renewed all at once.
                time.sleep(0 if ready.is_set() else 1 / many)
            for number, _ in poll.poll(0.1):
                try:
                    count.value += connections[number][0].send(requests)
                    connections[number][1] = time.monotonic()
                except ssl.SSLWantWriteError:
                    pass
                except OSError:
                    renew(number)
            stuck = [number for number, (_, moved) in connections.items() if moved < time.monotonic() - 1]
            if stuck:
                ready.set()
            for number in stuck[:len(stuck) if not over_tls else 8]:
                renew(number)

    return attack


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
        # In pieces: each reports how many it sent when it is over, and whoever ends this waits for it. The rate is such that
        # 50,000 a second are left in spite of the pauses between them.
        seconds, rate = 0.25, 52
        while True:
            words = [FLOOR, "send", str(daemon.statistics), str(seconds), str(rate), what]
            count.value += int(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
            if stopping:
                return

    return flood


def bursts(many):
    """So many datagrams at once, as of a collector that has as many groups, four times a second."""

    def flood(daemon, ready, count):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        while not stopping:
            for _ in range(many):
                sender.sendto(b"x" * 300, ("127.0.0.1", daemon.statistics))
                count.value += 1
            ready.set()
            time.sleep(0.25)

    return flood


FLOOR = None
stopping = False
FORGED = "=" + jws('{"channel":"chat","group":"Sales","ready":4,"reactiveState":1,"time":%d}' % (time.time() * 1000), b"x" * 32).decode()
# Name, configuration, attack, what is counted, ceiling of anonymous memory (MiB): 1 without connections; CONNECTION for
# each idle one and WORST for each at the worst (SECURITY.md), of all attacks so far.
SHIPPED, MANY = "shipped", "1,200 connections"
BURSTS = "256 datagrams at once, four times a second"
ATTACKS = [
    ("nothing", SHIPPED, lambda _, ready, count: (ready.set(), signal.pause()), "", 2),
    ("130 TLS connections that send nothing", SHIPPED, silent_tls, "connections begun", 6),
    ("256 idle keep-alive connections", SHIPPED, kept_alive, "connections begun", 6),
    ("1,000 idle connections", SHIPPED, idle, "connections begun", 6),
    ("1,000 idle connections", MANY, idle, "connections begun", 20),
    ("500 slowloris, a byte a second", SHIPPED, slowloris, "bytes sent", 6),
    ("500 slowloris, a byte a second", MANY, slowloris, "bytes sent", 20),
    ("250 POST with bodies", SHIPPED, bodies, "bytes sent", 8),
    ("250 sending empty lines", SHIPPED, empty_lines, "bytes sent", 8),
    ("connections opened and closed", SHIPPED, churn, "connections begun", 8),
    ("50,000 garbage datagrams a second", MANY, datagrams("garbage"), "datagrams sent", 20),
    ("50,000 forged datagrams a second", SHIPPED, datagrams(FORGED), "datagrams sent", 8),
    (BURSTS, SHIPPED, bursts(256), "datagrams sent", 8),
    ("1,000 TLS handshakes never ended", SHIPPED, tls_begun, "handshakes begun", 10),
    ("TLS handshakes as fast as they go", SHIPPED, tls_flood, "handshakes begun", 10),
    ("253 pipelining, reading no answer", SHIPPED, pipelining(False), "bytes sent", 16),
    ("253 pipelining over TLS, reading no answer", SHIPPED, pipelining(True), "bytes sent", 24),
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
            # Floods of datagrams report first how many they sent.
            if run.__name__ != "flood":
                os._exit(0)

        signal.signal(signal.SIGTERM, stop)
        run(*about, self.count)

    def end(self):
        """Gives what it did a second."""
        self.process.terminate()
        self.process.join(10)
        return (self.count.value - self.at) / (time.monotonic() - self.begun)


def socket_memory(port):
    """Bytes that the kernel counts for sockets with this local port."""
    text = subprocess.run(["ss", "-tmnH", f"sport = :{port}"], stdout=subprocess.PIPE, text=True).stdout
    return sum(int(part) for kind in "rtwf" for part in re.findall(rf"[(,]{kind}(\d+)", text))


def phase(daemon, target, row, seconds, pause):
    """One attack. Gives latencies by client, the oldest answer, most memory, what was done a second, connections open,
    datagrams dropped, most memory of sockets."""
    name, _, run, _, _ = row
    clients = [Client(kind, daemon, seconds) for kind in RATES]
    quiet = daemon.resident()
    with pause:
        before = accounted(daemon)
    attack = Attack(run, target)
    for each in clients:
        each.pipe.send("go")
    peak, sockets, until = 0, 0, time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
        peak = max(peak, daemon.resident())
    if daemon is target:
        sockets = socket_memory(daemon.http) + socket_memory(daemon.https)
    places = daemon.open()
    received = [each.received() for each in clients]
    rate = attack.end()
    with pause:
        after = accounted(daemon)
        sent = attack.count.value if daemon is target and run.__name__ == "flood" else 0
        told, counted = after[0] - before[0] + sent, after[1] - before[1]
        if told != counted:
            fail(f"{name}: of {told} datagrams {counted} are accounted for")
    waited_for("the end of connections", lambda: daemon.open() == 0, 100)
    # /metrics, which has been asked for in between, has a text of its own.
    waited_for(f"memory of at most {peak} KiB after {name}", lambda: daemon.resident() <= max(peak, quiet) + METRICS)
    latencies, oldest = [took for took, _ in received], max(oldest for _, oldest in received)
    return latencies, oldest, peak, rate, places, after[2] - before[2], sockets


def accounted(daemon):
    """Datagrams that the collector sent, those that are accounted for, and of these those that the kernel dropped."""
    waited_for("an empty socket", lambda: queued(daemon.statistics) == 0)
    dropped = daemon.metric("pacingd_statistics_datagrams_dropped_total")
    return daemon.told.value, daemon.metric("pacingd_statistics_datagrams_total") + dropped, dropped


def percentile(rounds, percent):
    """The median of each round's: a neighbour on the machine spoils one or two of them."""
    return statistics.median(sorted(values)[int(len(values) * percent / 100)] for values in rounds)


def tried(row, arguments, daemons, pause):
    name, kind, _, counts, ceiling = row
    asked, other = daemons[kind]
    quiet, meanwhile = ([[] for _ in RATES] for _ in range(2))
    worst, rates, age, most, lost, kernel = 0, [], 0, 0, 0, 0
    for _ in range(arguments.rounds):
        for target, into in ((other, quiet), (asked, meanwhile)):
            took, oldest, peak, rate, places, dropped, sockets = phase(asked, target, row, arguments.seconds, pause)
            for pile, more in zip(into, took):
                pile.append(more)
            if target is asked:
                worst, age, most, lost = max(worst, peak), max(age, oldest), max(most, places), lost + dropped
                kernel = max(kernel, sockets)
                rates.append(rate)
    cells, faults = [], []
    for what, before, now in zip(RATES, quiet, meanwhile):
        p99, ratio = percentile(now, 99), percentile(now, 99) / percentile(before, 99)
        cells.append(f"{percentile(before, 50):.2f} / {percentile(before, 99):.2f} → {percentile(now, 50):.2f} / {p99:.2f} ({ratio:.1f})")
        if arguments.brief and p99 < 1500:
            continue
        if what == "kept open" and ratio > MOST:
            faults.append(f"{what}: the 99th percentile is {ratio:.1f} times the quiet one")
        if what != "kept open" and p99 > NEWCOMER:
            faults.append(f"{what}: the 99th percentile is {p99:.0f} ms")
    if worst > ceiling * MIB:
        faults.append(f"{worst} KiB are resident; at most {ceiling} MiB should be")
    if name == BURSTS and lost and int(pathlib.Path("/proc/sys/net/core/rmem_max").read_text()) >= MIB * MIB:
        faults.append(f"the kernel dropped {lost} datagrams, with room for a buffer of 1 MiB")
    doing = f"{sum(rates) / len(rates):,.0f} {counts} a second" if counts else ""
    doing += f", {lost:,} dropped by the kernel" if counts.startswith("datagrams") else ""
    memory = f"{worst / MIB:.1f} of {ceiling}, sockets {kernel / MIB / MIB:.1f}"
    print(f"| {name} | {kind} | {' | '.join(cells)} | {memory} | {most} | {age:.1f} | {doing} |", flush=True)
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
            print("\n| attack | limits | kept open, ms: p50 / p99 quiet → meanwhile (ratio of p99) | anew | anew, TLS "
                  "| MiB, of at most | connections | oldest answer, s | done |\n|---|---|---|---|---|---|---|---|---|")
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
