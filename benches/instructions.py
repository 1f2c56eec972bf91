#!/usr/bin/env python3
"""Counts pacingd's own instructions for a request and a datagram, on any processor that qemu emulates.

    benches/instructions.py x86_64=target/release/pacingd armv7=target/armv7-unknown-linux-musleabihf/release/pacingd
    benches/instructions.py --write x86_64=…     writes instructions.txt anew

With this machine's own processor, allocations are counted as well: of a datagram there must be none.

The whole program is counted twice: with a number of requests (datagrams) and with twice as many. The difference is their cost,
without the kernel. It is the same on each run and machine, but for how many datagrams are received at once, and whether the
acknowledgement of an answer wakes the daemon once more (1,000 to 2,000 instructions); so more than 5 % above instructions.txt
in each of several tries comes from a change of the code, and fails. (Another compiler can make a few
percent, too: then find out where, and --write.) Needs Debian's qemu-user and cc.
"""

import argparse, os, pathlib, re, socket, subprocess, sys, tempfile, time

from servers import *

KEPT = HERE / "instructions.txt"
MORE = 1.05
EMULATORS = {"x86_64": ["qemu-x86_64"], "armv7": ["qemu-arm", "-cpu", "cortex-a7"], "aarch64": ["qemu-aarch64", "-cpu", "cortex-a53"]}
TIMES = 400
TRIES = 4
# Of a request: hyper's timer, the answer's map of headers (two) and its body.
ALLOCATIONS = {"request": 4, "datagram": 0, "signed datagram": 0}
BATCH = 32


class Counted(Pacingd):
    def __init__(self, target, binary, work, groups=("Sales", "Support"), **more):
        plugin = work / "count.so"
        if not plugin.exists():
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", plugin, HERE / "count.c"], check=True)
        words = [*EMULATORS[target], "-plugin", plugin, binary]
        super().__init__(words, work, groups, stderr=subprocess.PIPE, text=True, **more)

    def total(self):
        """Ends it, and returns all its instructions."""
        self.process.terminate()
        return int(re.search(r"instructions: (\d+)", self.process.communicate()[1])[1])


class Watched(Pacingd):
    """Counts allocations instead; for a binary with this machine's own glibc."""

    def __init__(self, binary, work, **more):
        counter = work / "allocations.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", counter, HERE / "allocations.c"], check=True)
        super().__init__([binary], work, stderr=subprocess.PIPE, text=True, env={**os.environ, "LD_PRELOAD": str(counter)},
                         **more)

    def total(self):
        self.process.terminate()
        # `taskset`, which starts it, has printed its own before.
        return int(re.findall(r"allocations: (\d+)", self.process.communicate()[1])[-1])


def allocations(binary, work, what, **more):
    """Allocations of each request or datagram, in the mean."""
    totals = []
    for times in (TIMES, 2 * TIMES):
        with Server.ended():
            server = Watched(binary, work, **more)
            what(server, times)
            totals.append(server.total())
    return (totals[1] - totals[0]) / TIMES


def ask(server, times, connections=1, url=PATH):
    """Sends a request over each connection, `times` times."""
    request = f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n".encode()
    sockets = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(connections)]
    for _ in range(times):
        for each in sockets:
            each.sendall(request)
        for each in sockets:
            answer = each.recv(65536)
            if not answer.startswith(b"HTTP/1.1 200 "):
                sys.exit(f"instructions: {answer.decode()}")
    for each in sockets:
        each.close()


def send(server, times, groups=("Sales",)):
    """Sends `times` datagrams of the contract's example, in bursts that the socket holds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", server.statistics))
        for number in range(times):
            sender.send((LINE % (groups[number % len(groups)], f',"time":{1_790_000_000_000 + number}')).encode())
            if number % BATCH == BATCH - 1:
                waited_for("an empty socket", lambda: queued(server.statistics) == 0)
        waited_for("an empty socket", lambda: queued(server.statistics) == 0)


def send_signed(server, times):
    """Sends the same, signed, with times near the daemon's clock."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        now = time.time_ns() // 1_000_000
        for number in range(1, times + 1):
            sender.sendto(signed("Sales", now + number), ("127.0.0.1", server.statistics))
            if number % BATCH == 0:
                waited_for("an empty socket", lambda: queued(server.statistics) == 0)
        waited_for("an empty socket", lambda: queued(server.statistics) == 0)
        if server.lines()["accepted"] != times + 2:
            sys.exit(f"instructions: {server.lines()}")


def cost(target, binary, work, what, times=TIMES, groups=("Sales", "Support"), is_signed=False, **more):
    totals = []
    for repeated in (times, 2 * times):
        with Server.ended():
            server = Counted(target, binary, work, groups, is_signed=is_signed)
            what(server, repeated, **more)
            totals.append(server.total())
    return (totals[1] - totals[0]) / times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("binaries", nargs="+", metavar="TARGET=BINARY", help=", ".join(EMULATORS))
    arguments = parser.parse_args()
    kept = dict(line.rsplit(" ", 1) for line in KEPT.read_text().splitlines() if not line.startswith("#"))
    failed = False
    with tempfile.TemporaryDirectory() as place:
        for target, binary in (word.split("=", 1) for word in arguments.binaries):
            for name, what in (("request", ask), ("datagram", send), ("signed datagram", send_signed)):
                is_signed = what is send_signed
                before = int(kept.get(f"{target} {name}", 0))
                # A busy machine wakes the daemon for fewer datagrams at once, which costs more for each, never less: the
                # least counts.
                found = sys.maxsize
                for _ in range(TRIES):
                    found = min(found, round(cost(target, binary, pathlib.Path(place), what, is_signed=is_signed)))
                    if found <= before * MORE and not arguments.write:
                        break
                too_many = not arguments.write and found > before * MORE
                print(f"{target} {name}: {found} instructions, {before} before{': too many' if too_many else ''}")
                failed |= too_many
                if target == os.uname().machine:
                    made = allocations(binary, pathlib.Path(place), what, is_signed=is_signed)
                    # The clock goes on meanwhile: a date a second is made anew.
                    print(f"{target} {name}: {made:.2f} allocations{f': want {ALLOCATIONS[name]}' if made > ALLOCATIONS[name] + 0.02 else ''}")
                    failed |= made > ALLOCATIONS[name] + 0.02
                kept[f"{target} {name}"] = found
    if arguments.write:
        lines = "".join(f"{name} {count}\n" for name, count in sorted(kept.items()))
        KEPT.write_text("# Written by benches/instructions.py --write.\n" + lines)
    sys.exit(failed)


if __name__ == "__main__":
    main()
