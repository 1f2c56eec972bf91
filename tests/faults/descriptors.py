"""File descriptors exhausted: who is connected is answered, others wait, and nothing spins."""

import json
import os
import signal
import socket
import time

from parts import PATIENCE, READY, Client, Collector, Daemon, Visitor, ask, holds, until

SPARE = 12
CONNECTIONS = 64
SECONDS = 3


def run(binary, folder):
    with Daemon(binary, folder) as daemon, Collector(daemon.statistics[0]):
        visitors = daemon.http[0]
        until(lambda: ask(visitors).capacity == READY)
        watcher = Client(daemon.operators)
        watcher.ask("/health")
        with Visitor(visitors, pause=0.01) as visitor:
            until(lambda: visitor.answers[200])
            limit = daemon.descriptors() + SPARE
            daemon.allow_descriptors(limit)
            crowd = [socket.create_connection(visitors, PATIENCE) for _ in range(CONNECTIONS)]
            exhausted = "cannot accept connections: Too many open files"
            holds(f"{CONNECTIONS} connect where {SPARE} can be accepted", until(lambda: daemon.logged(exhausted)))
            holds("every descriptor is in use", daemon.descriptors() == limit, limit)
            before, accepted = visitor.answers[200], lines_accepted(watcher)
            time.sleep(SECONDS)
            holds("who is connected is answered", visitor.answers[200] > before, f"{visitor.answers[200] - before} in {SECONDS} s")
            holds("statistics count", lines_accepted(watcher) > accepted, f"{lines_accepted(watcher) - accepted} lines")
            holds("no request failed", visitor.has_what_it_asked_for(), visitor)
            os.kill(daemon.pid, signal.SIGHUP)
            holds("a reload that cannot read the file changes nothing", until(lambda: daemon.logged("nothing was changed")))
        # Alone with those that wait: what it does now is trying to accept.
        spent = daemon.processor_time()
        failed = failures(watcher)
        time.sleep(SECONDS)
        spent, failed = daemon.processor_time() - spent, failures(watcher) - failed
        holds("nothing spins: 5 % of a processor at most", spent <= 0.05 * SECONDS, f"{spent:.2f} s of {SECONDS}, {failed} tries")
        holds("it tries again a few times a second", 1 <= failed <= 6 * SECONDS)
        holds("it is logged once", daemon.logged(exhausted) == 1)
        for connection in crowd:
            connection.close()
        began = time.monotonic()
        answer = ask(visitors)
        took = time.monotonic() - began
        holds("when they have gone, others come in", answer.capacity == READY, f"after {took * 1000:.0f} ms")
        watcher.close()


def lines_accepted(watcher):
    return json.loads(watcher.ask("/health").body)["lines"]["accepted"]


def failures(watcher):
    for line in watcher.ask("/metrics").body.splitlines():
        if line.startswith("pacingd_connections_accept_errors_total "):
            return int(line.split()[1])
    raise SystemExit("no pacingd_connections_accept_errors_total in /metrics")
