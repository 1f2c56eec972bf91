"""SIGHUP a thousand times under load, good configurations and broken ones: no request fails, statistics and memory stay."""

import os
import shutil
import signal
import subprocess
import time

from parts import READY, Collector, Daemon, Visitor, ask, holds, until

TIMES = 1000
BROKEN_EVERY = 10
# Once every page that a reload touches is there.
WARM_UP = 100
GROWTH = 64


def run(binary, folder):
    secured = certificate(folder)
    listen = dict(Daemon.LISTEN, **({"https": '"127.0.0.1:0"'} if secured else {}))
    with Daemon(binary, folder, more=secured, listen=listen) as daemon, Collector(daemon.statistics[0]) as collector:
        until(lambda: ask(daemon.http[0]).capacity == READY)
        visitors = [Visitor(daemon.http[0]), Visitor(daemon.http[0], every=True), Visitor(daemon.operators, is_fresh, targets=["/health"])]
        visitors += [Visitor(daemon.https[0], secured=True)] if secured else []
        for visitor in visitors:
            visitor.__enter__()
        in_force = broken = 0
        began = time.monotonic()
        for turn in range(TIMES):
            if turn == WARM_UP:
                memory = daemon.memory()
            is_broken = turn % BROKEN_EVERY == 0
            daemon.configure(secured + ("[pacing]\nhandle-time = 0\n" if is_broken else f"[pacing]\nhandle-time = {turn}\n"))
            in_force, broken = in_force + (not is_broken), broken + is_broken
            os.kill(daemon.pid, signal.SIGHUP)
            words, number = ("nothing was changed", broken) if is_broken else ("is in force, all statistics are kept", in_force)
            if not until(lambda: daemon.logged(words) == number):
                break
        took = time.monotonic() - began
        holds("each is logged", (in_force, broken) == (TIMES - TIMES // BROKEN_EVERY, TIMES // BROKEN_EVERY), f"{in_force} in force, {broken} refused, {took:.1f} s")
        before = daemon.logged("is in force")
        for _ in range(TIMES):
            os.kill(daemon.pid, signal.SIGHUP)
        daemon.configure(secured)
        os.kill(daemon.pid, signal.SIGHUP)
        until(lambda: daemon.logged("is in force") > before)
        grown = daemon.memory() - memory
        for visitor in visitors:
            visitor.__exit__()
            holds("no request failed", visitor.has_what_it_asked_for(), visitor)
        holds("and again as fast as signals can be sent", daemon.is_alive(), f"{daemon.logged('is in force') - before} reloads of {TIMES + 1} signals")
        holds(f"its own memory stays within {GROWTH} KiB", grown <= GROWTH, f"{memory} KiB, and {grown} more")
        collector.__exit__()
        sent = collector.sent * READY
        counted = until(lambda: daemon.health()["lines"]["accepted"] == sent)
        holds("every line of statistics counts", counted, f"{daemon.health()['lines']['accepted']} of {sent}")


def is_fresh(answer):
    return f'"fresh":{READY}' in answer.body


def certificate(folder):
    """The table of HTTPS with a pair made by openssl; nothing where there is none, or no HTTPS in the daemon."""
    if not shutil.which("openssl"):
        print("skipped: HTTPS here, for there is no openssl to make a certificate")
        return ""
    key, pair = (os.path.join(folder, name) for name in ("key.pem", "certificate.pem"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "99"]
    command += ["-subj", "/CN=localhost", "-keyout", key, "-out", pair]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return f'[https]\ncertificate = "{pair}"\nkey = "{key}"\n'
