#!/usr/bin/env python3
"""Measures the time from the start of the daemon to its first answer.

    benches/start.py [PACINGD]     default: the release build for this machine
"""

import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 50
ASK = b"GET /backend/data/pacing/channelCapacity?channel=chat HTTP/1.1\r\nhost: here\r\n\r\n"


def free_ports(kinds):
    """Finds free ports of these kinds; each is held until all are known."""
    held = [socket.socket(socket.AF_INET, kind) for kind in kinds]
    for one in held:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def first_answer(binary, directory):
    """Milliseconds until the first byte of an answer arrives."""
    http, operators, udp = free_ports([socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM])
    file = directory / "pacingd.toml"
    file.write_text(
        f'[http]\nlisten = ["127.0.0.1:{http}"]\n[operators]\nlisten = "127.0.0.1:{operators}"\n'
        f'[statistics]\nlisten = "127.0.0.1:{udp}"\n'
    )
    begin = time.perf_counter()
    daemon = subprocess.Popen([binary, "--config", file, "--log", "stderr"], stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", http)) as connection:
                    connection.sendall(ASK)
                    answer = connection.recv(4096)
                break
            except ConnectionRefusedError:
                if daemon.poll() is not None:
                    sys.exit(f"start: {binary} ended with {daemon.returncode}")
        taken = time.perf_counter() - begin
    finally:
        daemon.terminate()
        daemon.wait()
    if not answer.startswith(b"HTTP/1.1 503 "):
        sys.exit(f"start: got {answer!r}; want 503, because there are no statistics")
    return taken * 1000


def main():
    binary = sys.argv[1] if sys.argv[1:] else pathlib.Path(__file__).parent / "../target/release/pacingd"
    with tempfile.TemporaryDirectory() as directory:
        taken = [first_answer(binary, pathlib.Path(directory)) for _ in range(RUNS)]
    print(f"start to first answer, {RUNS} runs: median {statistics.median(taken):.1f} ms, longest {max(taken):.1f} ms")


main()
