"""The wall clock set back and forward by three hours, to 2040 and back: answers, statistics and signatures go on."""

import email.utils
import os
import time

from parts import READY, Collector, Daemon, Visitor, ask, holds, until
from wall_clock import Unavailable, WallClock

HOURS = 3 * 3600
# 2040-01-01
LATE = 2_208_988_800
JUMPS = [
    ("back by 3 hours", lambda now: now - HOURS),
    ("forward by 6 hours", lambda now: now + 2 * HOURS),
    ("to 2040", lambda _: LATE),
    ("back to today", lambda _: time.time()),
]
KEY = b"0123456789abcdef" * 2
# How long all unsigned lines of a group must be late until its clock is taken to have been set back.
SET_BACK_AFTER = 3


def run(binary, folder):
    key = os.path.join(folder, "key")
    with open(key, "wb") as file:
        file.write(KEY)
    # A time to live as short as may be, so that stale statistics show. Unsigned ones outlive a clock that is set back.
    for what, time_to_live, more, signs_with in (
        ("unsigned", SET_BACK_AFTER + 1, "", None),
        ("signed", 1, f'key-files = ["{key}"]\n', KEY),
    ):
        try:
            clock = WallClock()
        except Unavailable as reason:
            return print(f"skipped: {reason}")
        print(f"    {what} statistics", flush=True)
        with Daemon(binary, folder, f"[statistics]\ntime-to-live = {time_to_live}\n{more}", start=clock.start) as daemon:
            jump(daemon, clock, signs_with, time_to_live)
            others(daemon, clock, signs_with, time_to_live)
        holds("it asked that clock", clock.asked > 100, f"{clock.asked} times")
        clock.close()


def jump(daemon, clock, key, time_to_live):
    """With a collector on the same box: its clock jumps, too."""
    with Collector(daemon.statistics[0], key=key, clock=clock.now) as collector:
        until(lambda: ask(daemon.http[0]).capacity == READY)
        with Visitor(daemon.http[0]) as visitor:
            for what, to in JUMPS:
                before = daemon.health()["lines"]
                clock.set(to(clock.now()))
                sent = collector.sent
                # Past the time to live of all that came before.
                until(lambda: collector.sent > sent + 1.5 * time_to_live / collector.pause)
                answer, lines = ask(daemon.http[0]), daemon.health()["lines"]
                shown = email.utils.parsedate_to_datetime(answer.date).timestamp()
                accepted = lines["accepted"] - before["accepted"]
                dropped = lines["received"] - before["received"] - accepted
                late = 0 if key or "back" not in what else collector.groups * (SET_BACK_AFTER + 0.5) / collector.pause
                # One datagram (a line a group) may be on its way while the clock is set.
                is_well = abs(shown - clock.now()) < 5 and answer.capacity == READY and accepted > 0 and dropped <= READY + late
                holds(what, is_well, f"{answer.date}; {accepted} lines accepted, {dropped} dropped")
        holds("no request failed", visitor.has_what_it_asked_for(), visitor)


def others(daemon, clock, key, time_to_live):
    """With a collector on another box, whose clock is right."""
    with Collector(daemon.statistics[0], key=key) as collector, Visitor(daemon.http[0], is_right_or_stale) as visitor:
        clock.set(time.time())
        holds("a collector with the right time is accepted", until(lambda: ask(daemon.http[0]).capacity == READY))
        clock.set(time.time() - HOURS)
        before, sent = daemon.health()["lines"], collector.sent
        until(lambda: collector.sent > sent + 1.5 * time_to_live / collector.pause)
        lines, status = daemon.health()["lines"], ask(daemon.http[0]).status
        replayed = lines["replayed"] - before["replayed"]
        if key:
            holds("while the clock here is wrong, signed lines are refused, counted and logged", status == 503 and replayed and daemon.logged("clock"), f"{replayed}, and {status}")
        else:
            holds("while the clock here is wrong, its lines count all the same", status == 200 and not replayed, f"{status}")
        clock.set(time.time())
        began = time.monotonic()
        accepted = until(lambda: ask(daemon.http[0]).capacity == READY)
        holds("when it is right again, they count at once", accepted, f"after {(time.monotonic() - began) * 1000:.0f} ms")
    holds("no request failed", visitor.has_what_it_asked_for(), visitor)


def is_right_or_stale(answer):
    return answer.capacity == READY or answer.status == 503 and "statistics" in answer.body
