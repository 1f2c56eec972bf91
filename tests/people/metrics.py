#!/usr/bin/env python3
"""Checks the metrics in docs/ against those of the daemon: metrics.py PACINGD.

`promtool check metrics` accepts /metrics; each metric that the dashboard and the rules use is there, and a fleet's Prometheus
keeps those of the rules; the dashboard's queries are PromQL; and each alert is tested, firing and not (*_test.yml).
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request

PACINGD = sys.argv[1]
LISTEN = '[http]\nlisten = ["127.0.0.1:0"]\n[operators]\nlisten = "127.0.0.1:0"\n[statistics]\nlisten = "127.0.0.1:0"\n'
CERTIFICATE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost".split()
# A group with every value, and names that want escaping.
NUMBERS = {"ready": 1, "loggedIn": 9, "reactive": 5, "proactive": 3, "queued": 0, "handleTime": 300}
LINES = [
    {"channel": "chat", "group": group, **NUMBERS, "reactiveEntered": total, "proactiveEntered": 1, "abandoned": 1}
    for total in [10, 20]
    for group in ["Sales", 'a "quoted" \\ name', "Überweisung"]
]


def metrics():
    with tempfile.TemporaryDirectory() as folder:
        configuration, certificate, key = (f"{folder}/{name}" for name in ["pacingd.toml", "certificate.pem", "key.pem"])
        subprocess.run([*CERTIFICATE, "-out", certificate, "-keyout", key], check=True, stderr=subprocess.DEVNULL)
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(f'{LISTEN}[https]\nlisten = ["127.0.0.1:0"]\ncertificate = "{certificate}"\nkey = "{key}"\n')
        daemon = subprocess.Popen([PACINGD, "--config", configuration, "--log", "stderr"], stderr=subprocess.PIPE, text=True)
        try:
            heard = ""
            while "ready, version" not in heard:
                heard += daemon.stderr.readline()
            host, port = re.search(r"UDP (\S+):(\d+)", heard).groups()
            operators = re.search(r"operators on (\S+)", heard)[1]
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.sendto("\n".join(map(json.dumps, LINES)).encode(), (host, int(port)))
            while True:
                with urllib.request.urlopen(f"http://{operators}/metrics", timeout=5) as answer:
                    text = answer.read().decode()
                if f'outcome="accepted"}} {len(LINES)}\n' in text:
                    return text
        finally:
            daemon.terminate()
            daemon.wait()


def promtool(*arguments, text=None):
    done = subprocess.run(["promtool", *arguments], input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(f"promtool {' '.join(arguments)}: {done.stdout.strip() or 'clean'}")
    # Of metrics promtool only warns, and says so with its exit code.
    if done.returncode:
        sys.exit("promtool reports errors")


def main():
    told = metrics()
    promtool("check", "metrics", text=told)
    known = set(re.findall(r"^# TYPE (\S+)", told, re.M))
    with open("docs/grafana-dashboard.json", encoding="utf-8") as file:
        panels = json.load(file)["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    with open("docs/prometheus-rules.yml", encoding="utf-8") as file:
        rules = file.read()
    with open("docs/fleet/fleet-rules.yml", encoding="utf-8") as file:
        rules += file.read()
    in_rules = set(re.findall(r"\bpacingd_\w+", rules))
    with open("docs/fleet/prometheus.yml", encoding="utf-8") as file:
        kept = re.search(r"regex: (\S+)", file.read())[1]
    dropped = sorted(name for name in in_rules if not re.fullmatch(kept, name))
    if dropped:
        sys.exit(f"docs/fleet/prometheus.yml drops {dropped}, which the rules use")
    tests = ""
    for name in ["rules_test.yml", "fleet_test.yml"]:
        with open(f"tests/people/{name}", encoding="utf-8") as file:
            tests += file.read()
    for alert in re.findall(r"- alert: (\w+)", rules):
        if f"alertname: {alert}, exp_alerts: []" not in tests or f"alertname: {alert}\n" not in tests:
            sys.exit(f"{alert} is not tested, firing and not firing")
    used = in_rules | set(re.findall(r"\bpacingd_\w+", "\n".join(queries)))
    if not used or not queries or used - known:
        sys.exit(f"docs/ use {used - known or 'no metrics at all'}, which the daemon does not have")
    # promtool has no other way to read a query than in a rule.
    plain = [query.replace("$__rate_interval", "5m") for query in queries]
    groups = [{"name": "dashboard", "rules": [{"record": f"query_{index}", "expr": query} for index, query in enumerate(plain)]}]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": groups}, file)
        file.flush()
        promtool("check", "rules", file.name)
    promtool("check", "rules", "docs/prometheus-rules.yml")
    promtool("test", "rules", "tests/people/rules_test.yml")
    promtool("check", "rules", "docs/fleet/fleet-rules.yml")
    promtool("test", "rules", "tests/people/fleet_test.yml")
    with tempfile.TemporaryDirectory() as directory:
        # As the page says: the three files in one folder.
        for name in ["fleet/prometheus.yml", "fleet/fleet-rules.yml", "prometheus-rules.yml"]:
            shutil.copy(f"docs/{name}", directory)
        promtool("check", "config", f"{directory}/prometheus.yml")
    print(f"{len(known)} metrics, {len(used)} of them used by {len(queries)} queries and the rules")


main()
