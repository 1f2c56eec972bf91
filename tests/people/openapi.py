#!/usr/bin/env python3
"""Tries the running daemon against docs/openapi.yaml with schemathesis: openapi.py PACINGD SCHEMATHESIS."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile

PACINGD, SCHEMATHESIS = map(os.path.abspath, sys.argv[1:])
DESCRIPTION = os.path.abspath("docs/openapi.yaml")
# Long enough for the whole run: what is missing statistics for is tried elsewhere.
CONFIGURATION = """
[http]
listen = ["127.0.0.1:0"]
[operators]
listen = "127.0.0.1:0"
[statistics]
listen = "127.0.0.1:0"
time-to-live = 3600
"""
LINES = [
    {"channel": channel, "group": group, "ready": 4, "loggedIn": 12, "queued": 1, "reactiveEntered": 10, "abandoned": 1}
    for channel in ["chat", "webcallback"]
    for group in ["Sales", "0", "Überweisung"]
]


def main():
    with tempfile.TemporaryDirectory() as scratch, tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(CONFIGURATION)
        file.flush()
        command = [PACINGD, "--config", file.name, "--log", "stderr"]
        daemon = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            heard = ""
            while "ready, version" not in heard:
                heard += daemon.stderr.readline()
            address = {kind: re.search(rf"{kind} (127\S+)", heard)[1] for kind in ["HTTP on", "operators on", "UDP"]}
            host, port = address["UDP"].split(":")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.sendto("\n".join(map(json.dumps, LINES)).encode(), (host, int(port)))
            for tag, url in [("visitors", address["HTTP on"]), ("operators", address["operators on"])]:
                subprocess.run(
                    [
                        *[SCHEMATHESIS, "run", DESCRIPTION, "--url", f"http://{url}", "--include-tag", tag],
                        # Schemathesis counts a name's characters, the daemon its bytes: a name it means to be right may be
                        # too long. Unknown parameters are ignored, as the reference's clients need.
                        *["--exclude-checks", "positive_data_acceptance", "--max-examples", "30", "--seed", "1"],
                        *["--phases", "examples,coverage,fuzzing", "--warnings", "off", "--no-color"],
                    ],
                    check=True,
                    # It leaves a cache where it is run.
                    cwd=scratch,
                )
        finally:
            daemon.terminate()
            daemon.wait()


main()
