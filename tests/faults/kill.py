"""kill -9 at random, 200 times under load, with the sockets held: nobody is refused, and a kill cuts one request a connection."""

import json
import os
import random
import signal
import subprocess
import sys
import time

from parts import READY, Collector, Visitor, ask, holds, until

KILLS = 200
# A start to the first answer takes a few milliseconds: some are killed before, most after it.
LONGEST_LIFE = 0.08
# A tenth of a second of them: what was sent while the daemon starts counts, too.
DATAGRAMS = 10
SUPERVISOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "supervisor")


def run(binary, folder):
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1_000_000)))
    print(f"        SEED={seed}")
    chance = random.Random(seed)
    configuration = os.path.join(folder, "pacingd.toml")
    names = json.dumps([f"group {index}" for index in range(READY)])
    with open(configuration, "w", encoding="ascii") as file:
        # Known before their statistics, as a site that lets a daemon restart has them: not 404 but 503 until these come.
        file.write(f"[statistics.groups]\nchat = {names}\n")
    with open(os.path.join(folder, "log"), "wb") as log:
        command = [sys.executable, SUPERVISOR, binary, "--config", configuration, "--log", "stderr"]
        supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        http, operators, statistics = (("127.0.0.1", int(port)) for port in supervisor.stdout.readline().split())
        pid = next_process(supervisor)
        kills = []
        with Collector(statistics, pause=0.01) as collector:
            holds("it answers", until(lambda: ask(http).capacity == READY))
            visitors = [Visitor(http, is_right), Visitor(http, is_right), Visitor(http, is_right, every=True)]
            for visitor in visitors:
                visitor.__enter__()
            for _ in range(KILLS):
                time.sleep(chance.uniform(0, LONGEST_LIFE))
                before = time.monotonic()
                os.kill(pid, signal.SIGKILL)
                pid = next_process(supervisor)
                kills.append((before, time.monotonic()))
                sent = collector.sent
            until(lambda: collector.sent > sent + 1)
            holds("statistics are complete after the next datagrams", ask(http).capacity == READY, f"{READY} groups")
            for visitor in visitors:
                visitor.__exit__()
        for visitor in visitors:
            holds("every answer is right, or that there are no statistics yet", visitor.answers[200] and not visitor.wrong, visitor)
        failed = [failure for visitor in visitors for failure in visitor.failed]
        refused = [failure for failure in failed if "Refused" in failure.why or "timed out" in failure.why]
        holds("no connection is refused, none waits in vain", not refused, f"{sum(sum(v.answers.values()) for v in visitors)} answers")
        for visitor in visitors:
            cuts = cut(visitor.failed, kills)
            under_way = sum(failure.began <= after for failure, (_, after) in cuts)
            seen = f"{len(visitor.failed)} in {KILLS} kills, {under_way} of them requests under way, the rest connections found closed"
            holds("a kill cuts a visitor off once at most, and not again when it repeats", len(cuts) == len(visitor.failed), seen)
        late = [datagrams_before(asked, kills, collector) for visitor in visitors for asked in visitor.waiting]
        holds("without statistics it is only until the next datagrams", all(number <= DATAGRAMS for number in late), f"{max(late, default=0)} at most")
        health = json.loads(ask(operators, "/health").body)
        holds("all groups are fresh", health["groups"] == {"known": READY, "fresh": READY}, health["groups"])
    finally:
        supervisor.terminate()
        status = supervisor.wait()
    with open(os.path.join(folder, "log"), encoding="utf-8") as log:
        log_text = log.read()
    starts = log_text.count("ready, version")
    holds("the last one ends well", status == 0 and "panic" not in log_text, f"status {status}; {starts} of {KILLS + 1} came to be ready")


def is_right(answer):
    return answer.capacity == READY or answer.status == 503 and "statistics" in answer.body


def next_process(supervisor):
    line = supervisor.stdout.readline()
    if not line.strip().isdigit():
        raise SystemExit(f"the daemon was not started again: {line}")
    return int(line)


def cut(failures, kills):
    """Each failure with a kill of its own, that came while its connection was open; without those that have none."""
    pairs, kills = [], iter(kills)
    for failure in failures:
        kill = next((kill for kill in kills if kill[1] >= failure.opened), None)
        if kill and kill[0] <= failure.ended:
            pairs.append((failure, kill))
    return pairs


def datagrams_before(asked, kills, collector):
    """How many were sent since the last kill before somebody asked."""
    last = max((before for before, _ in kills if before <= asked), default=0)
    return sum(last < sent < asked for sent in collector.times)
