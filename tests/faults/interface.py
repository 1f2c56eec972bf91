"""An interface goes down, loses its address, or is gone: others go on, and when it is back its datagrams are received as before."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time

import parts
from parts import Client, Daemon, Visitor, ask, holds, until

# The daemon's address on each cable, ours is the next; the first is the one that fails.
FAILING, STEADY = "10.99.0.1", "10.99.1.1"
PORT = 8000


def run(binary, folder):
    if "INSIDE" in os.environ:
        return inside(binary, folder)
    namespace = parts.network_namespace()
    if not namespace:
        return print("skipped: no network namespace (unshare --net), so no interface of our own to pull")
    # Ourselves once more, in a network of our own, where these addresses are free.
    command = [*namespace, sys.executable, sys.argv[0], binary, "interface"]
    status = subprocess.run(command, env={**os.environ, "INSIDE": "1"}, check=False).returncode
    holds("in a network of its own", status == 0, f"status {status}")


def inside(binary, folder):
    # Holds the daemon's network, which is another one.
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdout=subprocess.DEVNULL)
    there = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
    try:
        until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        ip("link set lo up")
        ip("link set lo up", there)
        plug("failing", FAILING, holder, there)
        plug("steady", STEADY, holder, there)
        listen = {
            "http": f'"{FAILING}:{PORT}", "{STEADY}:{PORT}"',
            "operators": f'"{STEADY}:{PORT + 1}"',
            "statistics": f'"{FAILING}:{PORT}", "{STEADY}:{PORT}"',
        }
        sources = '[statistics]\nsources = ["10.99.0.0/16"]\n'
        with Daemon(binary, folder, sources, words=there, listen=listen) as daemon, Steady() as steady:
            with Visitor((STEADY, PORT), is_right=lambda answer: answer.capacity is not None) as visitor:
                pull(holder, there, steady)
            holds("no request over the other interface failed", visitor.has_what_it_asked_for(), visitor)
            lines = daemon.log().count("warning") + daemon.log().count("error")
            holds("the log is not filled", lines <= 2, f"{lines} warnings and errors")
    finally:
        holder.kill()
        holder.wait()


def pull(holder, there, steady):
    holds("both are received", until(lambda: is_received(steady)))
    for what, fail, mend in (
        ("set down and up", lambda: ip("link set failing down", there), lambda: ip("link set failing up", there)),
        ("without its address and with it", lambda: ip(f"addr del {FAILING}/24 dev failing", there), lambda: ip(f"addr add {FAILING}/24 dev failing", there)),
        ("deleted and made again", lambda: ip("link del failing", there), lambda: plug("failing", FAILING, holder, there)),
    ):
        kept = Client((FAILING, PORT), patience=10)
        before = kept.ask().status
        fail()
        is_gone = not is_answered()
        numbers = steady.number
        goes_on = until(lambda: steady.number > numbers + 5) and until(lambda: received("steady") > numbers)
        holds(f"the interface {what}: meanwhile there is no answer over it, and the other is received", is_gone and goes_on)
        mend()
        began = time.monotonic()
        is_back = until(lambda: is_received(steady))
        holds("then requests and statistics arrive over it again", is_back, f"after {time.monotonic() - began:.1f} s")
        holds("and a connection of before goes on", before == 200 and is_answering(kept))


class Steady(parts.Loop):
    """Statistics over the interface that stays: a number that grows, as the group's agents."""

    number = 0

    def run(self):
        while not self.is_over.wait(0.05):
            self.number += 1
            report(STEADY, "steady", self.number)


def is_received(steady):
    """Whether a request and a datagram arrive over the failing one."""
    number = steady.number + 1_000_000
    with contextlib.suppress(OSError):
        report(FAILING, "failing", number)
    return is_answered() and received("failing") >= number


def is_answered():
    return is_answering(Client((FAILING, PORT), patience=0.3))


def is_answering(client):
    with contextlib.closing(client), contextlib.suppress(OSError):
        return client.ask().status == 200
    return False


def received(group):
    return ask((STEADY, PORT), parts.CAPACITY + "&groups=" + group).capacity or 0


def report(address, group, ready):
    line = json.dumps({"channel": "chat", "group": group, "ready": ready}).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(line, (address, PORT))


def plug(name, address, holder, there):
    """A cable from us to the daemon's network."""
    ip(f"link add {name} type veth peer name {name}-there")
    ip(f"link set {name}-there netns {holder.pid}")
    ip(f"link set {name}-there name {name}", there)
    ip(f"addr add {address}/24 dev {name}", there)
    ip(f"link set {name} up", there)
    ip(f"addr add {address[:-1]}2/24 dev {name}")
    ip(f"link set {name} up")


def ip(words, there=()):
    subprocess.run([*there, "ip", *words.split()], check=True)
