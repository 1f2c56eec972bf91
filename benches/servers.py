"""Processes that are measured, pacingd among them, and what the kernel counts of them; for the scripts of this folder."""

import base64, contextlib, hmac, json, os, pathlib, re, socket, subprocess, sys, tempfile, time
import urllib.error, urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PATH = "/backend/data/pacing/reactiveState?channel=chat&groups=Sales&groups=Support"
LINE = ('{"channel":"chat","group":"%s","ready":4,"loggedIn":12,"reactive":5,"proactive":2,"queued":1,"handleTime":312.5,'
        '"reactiveEntered":10234,"proactiveEntered":871,"abandoned":97%s}')
KEY = b"of 32 bytes at least, and no secret"
SERVER, CLIENT = (0, 1) if os.cpu_count() > 1 else (0, 0)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def waited_for(what, check, seconds=20):
    until = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > until:
            sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: {what} did not come within {seconds} s")
        time.sleep(0.02)
    return found


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process that is measured, and the port it serves."""

    all = []

    def __init__(self, name, words, port=None, **more):
        self.name, self.port = name, port
        pipe = {} if port else {"stdout": subprocess.PIPE, "text": True}
        more.setdefault("stderr", subprocess.DEVNULL)
        self.process = subprocess.Popen(["taskset", "-c", str(SERVER), *map(str, words)], **pipe, **more)
        Server.all.append(self)
        if not port:
            self.port = int(self.process.stdout.readline())

    def processes(self):
        pids = [self.process.pid]
        for pid in pids:
            for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                pids += map(int, children.read_text().split())
        return pids

    def cpu(self):
        """Processor time used, in seconds, of all its processes and threads."""
        tasks = (task for pid in self.processes() for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def resident(self):
        """Mebibytes in RAM, what is shared with others counted in part."""
        files = (pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes())
        return sum(int(re.search(r"^Pss: +(\d+)", text, re.M)[1]) for text in files) / 1024

    @classmethod
    @contextlib.contextmanager
    def ended(cls):
        """Ends all that was started within, however it went."""
        try:
            yield
        finally:
            for server in cls.all:
                server.process.terminate()
            for server in cls.all:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.process.wait(5)
                server.process.kill()
            cls.all.clear()


def folder(work):
    """A new one, that workers of another user may read."""
    place = pathlib.Path(tempfile.mkdtemp(dir=work))
    place.chmod(0o755)
    return place


def jws(line, key=KEY):
    """A line, signed (RFC 7515)."""
    text = b".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in ('{"alg":"HS256"}', line))
    return text + b"." + base64.urlsafe_b64encode(hmac.digest(key, text, "sha256")).rstrip(b"=")


def signed(group, milliseconds):
    """The contract's example, signed."""
    return jws(LINE % (group, f',"time":{milliseconds}'))


class Pacingd(Server):
    """Its statistics stay fresh, and with groups known from the start no clock makes a difference."""

    def __init__(self, words, work, groups=("Sales", "Support"), is_signed=False, more_settings="", **more):
        self.operators, self.statistics = free_port(), free_port(socket.SOCK_DGRAM)
        port = free_port()
        configuration = folder(work) / "pacingd.toml"
        configuration.write_text(f"""
            [http]
            listen = ["127.0.0.1:{port}"]
            [http.limits]
            connections = 1024
            [operators]
            listen = "127.0.0.1:{self.operators}"
            [statistics]
            listen = "127.0.0.1:{self.statistics}"
            time-to-live = 3600
            {f'key-files = ["{self.key_file(work)}"]' if is_signed else ""}
            [pacing]
            refresh-period = 60
            {more_settings}
            """)
        super().__init__("pacingd", [*words, "--config", configuration, "--log", "stderr"], port, **more)
        waited_for("pacingd", lambda: listens(port) and listens(self.operators) and bound(self.statistics))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for group in groups:
                line = signed(group, time.time_ns() // 1_000_000) if is_signed else (LINE % (group, "")).encode()
                sender.sendto(line, ("127.0.0.1", self.statistics))
                waited_for("an empty socket", lambda: queued(self.statistics) == 0)
        waited_for("pacingd's statistics", lambda: self.lines()["accepted"] == len(groups))

    @staticmethod
    def key_file(work):
        file = folder(work) / "key"
        file.write_bytes(KEY)
        file.chmod(0o600)
        return file

    def lines(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.operators}/health") as answer:
                return json.load(answer)["lines"]
        except urllib.error.HTTPError as error:
            return json.load(error)["lines"]

    def dropped(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.operators}/metrics") as answer:
            found = re.findall(r"^pacingd_statistics_datagrams_dropped_total(?:\{.*\})? (\d+)", answer.read().decode(), re.M)
        return sum(map(int, found))


def bound(port):
    return any(f":{port:04X} " in line[:25] for line in open("/proc/net/udp"))


def udp_table(port):
    return next(line.split() for line in open("/proc/net/udp") if f":{port:04X} " in line[:25])


def queued(port):
    return int(udp_table(port)[4].split(":")[1], 16)


def kernel_drops(port):
    return int(udp_table(port)[-1])
