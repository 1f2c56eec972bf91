#!/usr/bin/env python3
"""Compares pacingd with a floor of system calls in C, and with other programs for the same work, in one run.

    benches/compare.py                     all of it, ten rounds: about ten minutes
    benches/compare.py --rounds 1 --seconds 0.3
    benches/compare.py request --pacingd target/release/pacingd

Debian has all it needs: cc, wrk, nginx with libnginx-mod-http-lua (OpenResty's parts), collectd-core and npm. What is missing
is left out, and named. Each server runs on one processor, its client on another; the rounds of the servers alternate, so that
other load on the machine affects all alike. Prints medians, with the least and the most in brackets.
"""

import argparse, datetime, http.client, os, pathlib, platform, re, shutil, socket, statistics, subprocess, sys, tempfile, time

from servers import *

def nginx(name, work, modules, location):
    port, place = free_port(), folder(work)
    # `user` is heeded by root alone.
    (place / "nginx.conf").write_text(f"""
        {modules}
        daemon off; worker_processes 1; pid {place}/pid; error_log {place}/error.log;
        {"user root;" if os.geteuid() == 0 else ""}
        events {{ worker_connections 2048; }}
        http {{
            access_log off; keepalive_requests 1000000000; server_tokens off;
            client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
            uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
            {location}
        }}
        """.replace("LISTEN", f"127.0.0.1:{port}"))
    server = Server(name, ["nginx", "-p", place, "-c", place / "nginx.conf"], port)
    waited_for(name, lambda: listens(port))
    return server


CONSTANT = """
    server { listen LISTEN; location / {
        default_type application/json;
        add_header cache-control no-store;
        add_header last-modified "Sun, 22 Nov 2026 08:35:44 GMT";
        return 200 '{"reactiveState":0.093146}';
    } }
"""
# What pacingd does for a request, without its checks of encoding and its errors.
LUA = """
    init_worker_by_lua_block {
        groups = { chat = {} }
        for _, name in ipairs { "Sales", "Support" } do
            groups.chat[name] = { received = ngx.time(), state = 0.093146, demand = 0.04 }
        end
    }
    server { listen LISTEN; location /backend/data/pacing/reactiveState { content_by_lua_block {
        local asked = ngx.req.get_uri_args()
        local channel = groups[asked.channel]
        if not channel then return ngx.exit(400) end
        local names = asked.groups
        if type(names) == "string" then names = { names } end
        local now, oldest, allowed, offered = ngx.time(), nil, 0, 0
        for _, name in ipairs(names) do
            local group = channel[name]
            if not group then return ngx.exit(404) end
            if now - group.received <= 3600 then
                if not oldest or group.received < oldest then oldest = group.received end
                allowed, offered = allowed + group.demand * group.state, offered + group.demand
            end
        end
        if not oldest then return ngx.exit(503) end
        local body = string.format('{"reactiveState":%.6f}', allowed / offered)
        ngx.header["content-type"] = "application/json"
        ngx.header["cache-control"] = "no-store"
        ngx.header["last-modified"] = ngx.http_time(oldest)
        ngx.header["content-length"] = #body
        ngx.print(body)
    } } }
"""


def collectd(name, work, plugin, kind):
    port, place = free_port(socket.SOCK_DGRAM), folder(work)
    settings = {
        "statsd": f'Host "127.0.0.1"\nPort "{port}"',
        "network": f'Listen "127.0.0.1" "{port}"',
    }[plugin]
    (place / "collectd.conf").write_text(f"""
        Hostname "centre"
        BaseDir "{place}"
        PIDFile "{place}/pid"
        TypesDB "/usr/share/collectd/types.db"
        LoadPlugin {plugin}
        <Plugin {plugin}>
        {settings}
        </Plugin>
        """)
    server = Server(name, ["collectd", "-f", "-C", place / "collectd.conf"], port, stdout=subprocess.DEVNULL)
    server.kind = kind
    waited_for(name, lambda: bound(port))
    return server


def npm_statsd(work):
    port, place = free_port(socket.SOCK_DGRAM), folder(work)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "statsd@0.9.0"], cwd=place, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (place / "config.js").write_text(
        f'{{ port: {port}, mgmt_port: {free_port()}, address: "127.0.0.1", backends: [], flushInterval: 10000 }}')
    server = Server("npm statsd", ["node", "node_modules/statsd/stats.js", "config.js"], port, cwd=place,
                    stdout=subprocess.DEVNULL)
    server.kind = "statsd"
    waited_for("npm statsd", lambda: bound(port))
    return server


def wrk(server, connections, seconds):
    """Processor time a request (µs), requests a second, and the 99th percentile of their latency (ms)."""
    before = server.cpu()
    printed = subprocess.run(
        ["taskset", "-c", str(CLIENT), "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency",
         f"http://127.0.0.1:{server.port}{PATH}"], check=True, capture_output=True, text=True).stdout
    used = server.cpu() - before
    requests, took = re.search(r"(\d+) requests in ([\d.]+)s", printed).groups()
    if "Non-2xx" in printed or "Socket errors" in printed:
        sys.exit(f"compare: {server.name} failed:\n{printed}")
    value, unit = re.search(r"99% +([\d.]+)(us|ms|s)", printed).groups()
    return used / int(requests) * 1e6, int(requests) / float(took), float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def send(floor, server, seconds, per_ms):
    """Processor time (µs) that a datagram cost, and how many were taken in a second of it."""
    kind = getattr(server, "kind", "line")
    lines = server.lines if isinstance(server, Pacingd) else lambda: {"received": 0}
    port = server.statistics if isinstance(server, Pacingd) else server.port
    lost, taken, before = kernel_drops(port), lines(), server.cpu()
    printed = subprocess.run(["taskset", "-c", str(CLIENT), str(floor), "send", str(port), str(seconds), str(per_ms), kind],
                          check=True, capture_output=True, text=True).stdout
    sent = int(printed)
    waited_for("an empty socket", lambda: queued(port) == 0)
    time.sleep(0.02)
    used = server.cpu() - before
    lost = kernel_drops(port) - lost
    if isinstance(server, Pacingd):
        now = lines()
        accepted = now["accepted"] - taken["accepted"]
        # Every datagram is accounted for: accepted, or dropped by the kernel and shown.
        if accepted != now["received"] - taken["received"] or accepted + lost != sent or server.dropped() != kernel_drops(port):
            sys.exit(f"compare: of {sent} datagrams {accepted} were accepted, {lost} lost: {now}")
    return used / (sent - lost) * 1e6, (sent - lost) / used


def cell(values, places=2):
    return f"{statistics.median(values):.{places}f} ({min(values):.{places}f} – {max(values):.{places}f})"


def ratios(values, floor):
    """Of each round its own: what the machine did otherwise is in both."""
    return [one / other for one, other in zip(values, floor)]


def have(command, package):
    if shutil.which(command):
        return True
    print(f"left out: {command} is not there (Debian package {package})")
    return False


def requests(arguments, work, floor):
    Server("floor: epoll in C", [floor, "http"])
    Pacingd([arguments.pacingd], work)
    if have("nginx", "nginx-light"):
        nginx("nginx, return 200", work, "", CONSTANT)
        module = pathlib.Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")
        if module.exists():
            ndk = module.with_name("ndk_http_module.so")
            nginx("nginx with Lua, as OpenResty", work, f"load_module {ndk}; load_module {module};", LUA)
        else:
            print("left out: OpenResty's parts (Debian packages libnginx-mod-http-lua, lua-resty-core)")
    found = {server: ([], [], [], []) for server in Server.all}
    for _ in range(arguments.rounds):
        for server, (cpu, rate, latency, resident) in found.items():
            used, per_second, _ = wrk(server, 16, arguments.seconds)
            cpu.append(used)
            rate.append(per_second)
            latency.append(wrk(server, 64, arguments.seconds)[2])
            resident.append(server.resident())
    bare, *_ = found.values()
    print("\n| 16 connections | µs of CPU a request | against the floor | requests a second | p99 at 64, ms | MiB resident |")
    print("|---|---|---|---|---|---|")
    for server, (cpu, rate, latency, resident) in found.items():
        print(f"| {server.name} | {cell(cpu)} | {cell(ratios(cpu, bare[0]))} | {cell(rate, 0)} | {cell(latency)} "
              f"| {statistics.median(resident):.1f} |")


def datagrams(arguments, work, floor):
    Server("floor: recv in C", [floor, "udp"])
    Pacingd([arguments.pacingd], work)
    if have("collectd", "collectd-core"):
        collectd("collectd, statsd plugin", work, "statsd", "statsd")
        collectd("collectd, network plugin", work, "network", "collectd")
    if have("npm", "npm") and have("node", "nodejs"):
        npm_statsd(work)
    found = {server: ([], [], []) for server in Server.all}
    for _ in range(arguments.rounds):
        for server, (cpu, rate, resident) in found.items():
            cpu.append(send(floor, server, arguments.seconds, 20)[0])
            rate.append(send(floor, server, arguments.seconds, 0)[1])
            resident.append(server.resident())
    bare, *_ = found.values()
    print("\n| 20,000 datagrams a second | µs of CPU a datagram | against the floor | a second of CPU, flooded | MiB resident |")
    print("|---|---|---|---|---|")
    for server, (cpu, rate, resident) in found.items():
        print(f"| {server.name} | {cell(cpu)} | {cell(ratios(cpu, bare[0]))} | {cell(rate, 0)} "
              f"| {statistics.median(resident):.1f} |")


def handshakes(arguments, work):
    print("\n| a connection over TLS 1.3 with one request | ms of CPU | against nginx | resumed, ms | against nginx |")
    print("|---|---|---|---|---|")
    for name, options in ("ECDSA on P-256", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]), ("RSA of 2048 bits", ["rsa:2048"]):
        place, https = folder(work), free_port()
        certificate, key = place / "certificate", place / "key"
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate,
                        "-newkey", *options], check=True, stderr=subprocess.DEVNULL)
        with Server.ended():
            Pacingd([arguments.pacingd], work, more_settings=f"""
                [https]
                listen = ["127.0.0.1:{https}"]
                certificate = "{certificate}"
                key = "{key}"
                """).port = https
            if have("nginx", "nginx-light"):
                tls = f"ssl_protocols TLSv1.3; ssl_certificate {certificate}; ssl_certificate_key {key}; location"
                nginx("nginx", work, "", CONSTANT.replace("LISTEN;", "LISTEN ssl;").replace("location", tls, 1))
            found = {server: ([], []) for server in Server.all}
            for _ in range(arguments.rounds):
                for server, kinds in found.items():
                    for option, cpu in zip(("-new", "-reuse"), kinds):
                        cpu.append(handshake(server, option, arguments.seconds))
            *_, peer = found.values()
            for server, kinds in found.items():
                cells = (f"{cell(cpu)} | {cell(ratios(cpu, other))}" for cpu, other in zip(kinds, peer))
                print(f"| {server.name}, {name} | {' | '.join(cells)} |")


def handshake(server, option, seconds):
    """Processor time of a connection, in ms."""
    before = server.cpu()
    printed = subprocess.run(
        ["taskset", "-c", str(CLIENT), "openssl", "s_time", option, "-time", str(max(1, round(seconds))), "-tls1_3",
         "-connect", f"127.0.0.1:{server.port}", "-www", PATH], check=True, capture_output=True, text=True).stdout
    return (server.cpu() - before) / int(re.search(r"(\d+) connections in \d+ real", printed)[1]) * 1e3


def documents(arguments, work):
    server = Pacingd([arguments.pacingd], work, [f"{number:03}{'ü' * 30}" for number in range(256)])
    client = http.client.HTTPConnection("127.0.0.1", server.operators)
    print("\n| 256 groups, one connection | KB | ms |\n|---|---|---|")
    for path in ("/status", "/metrics"):
        took = []
        for _ in range(20 * arguments.rounds):
            began = time.perf_counter()
            client.request("GET", path)
            size = len(client.getresponse().read())
            took.append((time.perf_counter() - began) * 1000)
        print(f"| {path} | {size / 1000:.0f} | {cell(took)} |")
        # What TCP waits before it acknowledges one segment alone.
        if statistics.median(took) > 40:
            sys.exit(f"compare: {path} waits for delayed acknowledgements")


def version(*words):
    try:
        printed = subprocess.run(words, capture_output=True, text=True)
        return (printed.stdout or printed.stderr).strip().splitlines()[0]
    except (FileNotFoundError, IndexError):
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="*", default=["request", "datagram", "handshake", "document"],
                        help="request, datagram, handshake, document; default: all")
    parser.add_argument("--pacingd", default=ROOT / "target/release/pacingd", type=pathlib.Path)
    parser.add_argument("--rounds", default=10, type=int)
    parser.add_argument("--seconds", default=3.0, type=float, help="of each run of each round")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work = pathlib.Path(place)
        os.chmod(work, 0o755)
        floor = work / "floor"
        subprocess.run(["cc", "-O2", "-o", floor, HERE / "floor.c"], check=True)
        print(f"{datetime.date.today()}, {os.cpu_count()} virtual cores, {platform.machine()}, Linux {platform.release()};")
        versions = [version("nginx", "-v"), version("wrk", "-v"), version("node", "--version")]
        print("; ".join(filter(None, [version(str(arguments.pacingd), "--version"), *versions])))
        if "request" in arguments.what and have("wrk", "wrk"):
            with Server.ended():
                requests(arguments, work, floor)
        if "datagram" in arguments.what:
            with Server.ended():
                datagrams(arguments, work, floor)
        if "handshake" in arguments.what and have("openssl", "openssl"):
            handshakes(arguments, work)
        if "document" in arguments.what:
            with Server.ended():
                documents(arguments, work)


main()
