#!/usr/bin/env python3
"""Sends what PyJWT signs, and what an attacker makes of it: signed.py PACINGD. Run with a Python that has PyJWT."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import jwt

PACINGD = sys.argv[1]
LISTEN = '[http]\nlisten = ["127.0.0.1:0"]\n[operators]\nlisten = "127.0.0.1:0"\n[statistics]\nlisten = "127.0.0.1:0"\n'
KEY = "0123456789abcdef" * 4


def line(ready=1, later=0):
    return {"channel": "chat", "group": "Überweisung", "ready": ready, "time": int(time.time() * 1000) + later}


def sign(payload, key=KEY, **more):
    return jwt.encode(payload, key, **{"algorithm": "HS256", **more})


def altered(token):
    header, payload, signature = token.split(".")
    other = sign(line(ready=9)).split(".")[1]
    assert other != payload
    return f"{header}.{other}.{signature}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "key")
        with open(path, "w", encoding="ascii") as file:
            file.write(KEY + "\n")
        configuration = os.path.join(folder, "pacingd.toml")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"{LISTEN}key-files = [{json.dumps(path)}]\n")
        daemon = subprocess.Popen([PACINGD, "--config", configuration, "--log", "stderr"], stderr=subprocess.PIPE, text=True)
        try:
            check(daemon)
        finally:
            daemon.terminate()
            daemon.wait()


def check(daemon):
    heard = ""
    while "ready, version" not in heard:
        heard += daemon.stderr.readline()
    host, port = re.search(r"UDP (\S+):(\d+)", heard).groups()
    operators = re.search(r"operators on (\S+)", heard)[1]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def counts():
        with urllib.request.urlopen(f"http://{operators}/status", timeout=5) as answer:
            told = json.load(answer)
        return {**told["distrusted"], "accepted": told["lines"]["accepted"], "received": told["lines"]["received"]}

    first = sign(line(), headers={"kid": "2026-11"})
    for what, token, want in [
        ("signed", first, "accepted"),
        ("replayed", first, "replayed"),
        ("forged", sign(line(later=1), "another key, which is not the right one"), "mismatch"),
        ("altered", altered(sign(line(later=2))), "mismatch"),
        ("alg none", sign(line(later=3), None, algorithm="none"), "noSignature"),
        ("HS512", sign(line(later=4), KEY * 2, algorithm="HS512"), "otherAlgorithm"),
        ("stale", sign(line(later=-31_000)), "stale"),
        ("early", sign(line(later=60_000)), "early"),
        ("unsigned", json.dumps(line(later=5)), "notSigned"),
        ("signed again", sign(line(ready=4, later=1000)), "accepted"),
    ]:
        before = counts()
        udp.sendto(token.encode(), (host, int(port)))
        while (after := counts())["received"] == before["received"]:
            pass
        grown = [name for name in after if after[name] > before[name] and name != "received"]
        if grown != [want]:
            sys.exit(f"PyJWT, {what}: counted as {grown}, want {want}")
        print(f"PyJWT {jwt.__version__}, {what}: {want}")


main()
