#!/usr/bin/env python3
"""Tries HTTPS from outside: https.py PACINGD. With openssl and curl as clients, and with bytes for what those no longer offer.

Strong suites of TLS 1.2 and 1.3 are taken, everything else is refused: by an alert of the daemon's, for a client that does
not even ask would show nothing. Once with a key of ECDSA, once with one of RSA.
"""

import contextlib
import itertools
import re
import socket
import struct
import subprocess
import sys
import tempfile

PACINGD = sys.argv[1]
KEYS = {"ECDSA": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "RSA": ["rsa:2048"]}
TLS13 = {"TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"}
TLS12 = {
    key: {f"ECDHE-{key}-AES256-GCM-SHA384", f"ECDHE-{key}-AES128-GCM-SHA256", f"ECDHE-{key}-CHACHA20-POLY1305"}
    for key in KEYS
}
# The same as numbers (RFC 5289, RFC 7905).
CODES = {"ECDSA": {0xC02B, 0xC02C, 0xCCA9}, "RSA": {0xC02F, 0xC030, 0xCCA8}}
HANDSHAKE_FAILURE, PROTOCOL_VERSION = 40, 70
EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"

tried = 0


def expect(holds, what):
    global tried
    tried += 1
    if not holds:
        sys.exit(f"https: {what}")


@contextlib.contextmanager
def daemon(key):
    """Gives host, port and the certificate's file."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, secret, file = f"{folder}/certificate.pem", f"{folder}/key.pem", f"{folder}/pacingd.toml"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        make = ["openssl", "req", "-x509", "-nodes", "-newkey", *KEYS[key], *names, "-keyout", secret, "-out", certificate]
        subprocess.run(make, check=True, stderr=subprocess.DEVNULL)
        with open(file, "w", encoding="utf-8") as out:
            out.write(f'[https]\nlisten = ["127.0.0.1:0"]\ncertificate = "{certificate}"\nkey = "{secret}"\n[http]\nlisten = []\n')
            out.write('[operators]\nlisten = "127.0.0.1:0"\n[statistics]\nlisten = "127.0.0.1:0"\n')
        process = subprocess.Popen([PACINGD, "--config", file, "--log", "stderr"], stderr=subprocess.PIPE, text=True)
        try:
            heard = ""
            while "ready, version" not in heard:
                heard += process.stderr.readline()
            yield "127.0.0.1", int(re.search(r"HTTPS on \S+:(\d+)", heard)[1]), certificate
            expect(process.poll() is None, "the daemon ended")
        finally:
            process.terminate()
            process.wait()


def run(*words, text=""):
    return subprocess.run(words, input=text, text=True, timeout=20, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace").stdout


def s_client(port, *arguments, text=""):
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost", *arguments, text=text)


def accepted(said, suite):
    return re.search(rf"^(New|Reused), TLSv1\.[23], Cipher is {suite}$", said, re.M)


def by_openssl(port, key, certificate):
    trust = ["-CAfile", certificate, "-verify_return_error"]
    for suite in TLS13:
        said = s_client(port, "-tls1_3", "-ciphersuites", suite, *trust)
        expect(accepted(said, suite) and "Verify return code: 0" in said, f"{suite}: {said}")
    for suite in TLS12[key]:
        said = s_client(port, "-tls1_2", "-cipher", suite, *trust)
        expect(accepted(said, suite) and "Verify return code: 0" in said, f"{suite}: {said}")
    # openssl has more than anybody should use, once told that its user does not mind.
    listed = run("openssl", "ciphers", "-tls1_2", "-s", EVERYTHING).strip().split(":")
    weak = [suite for suite in listed if suite not in TLS12[key] | TLS13]
    expect(len(weak) > 30, f"openssl offers only {weak}")
    for suite in weak:
        said = s_client(port, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0")
        expect(f"SSL alert number {HANDSHAKE_FAILURE}" in said, f"{suite}: {said}")
    for version in ["-tls1", "-tls1_1"]:
        said = s_client(port, version, "-cipher", EVERYTHING)
        # rustls misses the signature algorithms of TLS 1.2 before it looks at the version.
        alerts = [f"SSL alert number {number}" for number in (HANDSHAKE_FAILURE, PROTOCOL_VERSION)]
        expect(any(alert in said for alert in alerts), f"{version}: {said}")
    said = s_client(port, "-tls1_2", text="R\n")
    expect("RENEGOTIATING" in said and "no renegotiation" in said, f"renegotiation: {said}")
    said = s_client(port, "-tls1_2", "-comp", "-cipher", EVERYTHING)
    expect("Compression: NONE" in said, f"compression: {said}")
    said = s_client(port, "-alpn", "h2")
    expect("SSL alert number 120" in said, f"h2: {said}")


def by_curl(port, certificate):
    url = f"https://localhost:{port}/backend/data/pacing/channelCapacity?channel=chat"
    curl = ["curl", "--silent", "--show-error", "--max-time", "10", "--resolve", f"localhost:{port}:127.0.0.1"]
    form = ["--write-out", " %{http_code} %{http_version} %{ssl_verify_result}"]
    for version in ["1.2", "1.3"]:
        said = run(*curl, *form, "--cacert", certificate, f"--tlsv{version}", "--tls-max", version, "--http2", url)
        expect(said.endswith(" 503 1.1 0") and "no statistics" in said, f"curl: {said}")
    said = run(*curl, url)
    expect("certificate" in said, f"curl without --cacert: {said}")
    said = run(*curl, *form, url.replace("https:", "http:"))
    expect("want https://" in said and " 400 1.1" in said, f"curl with http: {said}")


def hello(version, suites, compressions=(0,)):
    """A ClientHello of up to TLS 1.2."""
    groups = struct.pack("!HHHHHH", 10, 8, 6, 29, 23, 24)
    points = struct.pack("!HHBB", 11, 2, 1, 0)
    signatures = [0x0403, 0x0503, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201]
    signed = struct.pack(f"!HHH{len(signatures)}H", 13, 2 + 2 * len(signatures), 2 * len(signatures), *signatures)
    extensions = groups + points + signed
    body = struct.pack("!H32sB", version, bytes(32), 0)
    body += struct.pack(f"!H{len(suites)}H", 2 * len(suites), *suites)
    body += bytes([len(compressions), *compressions]) + struct.pack("!H", len(extensions)) + extensions
    return struct.pack("!BHH", 22, min(version, 0x0301), len(body) + 4) + b"\x01" + len(body).to_bytes(3, "big") + body


def answer(address, bytes_sent):
    """What comes first: ("alert", number), ("hello", suite, compression), or ("end",)."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(bytes_sent)
        got = b""
        while len(got) < 100 and (more := connection.recv(4096)):
            got += more
    if got[:1] == b"\x15":
        return "alert", got[6]
    if got[:1] == b"\x16" and got[5:6] == b"\x02":
        at = 5 + 4 + 2 + 32 + 1 + got[43]
        return "hello", int.from_bytes(got[at : at + 2], "big"), got[at + 2]
    return ("end",) if not got else ("what?", got)


def by_bytes(address, key):
    good = sorted(CODES[key])
    for suite in good:
        got = answer(address, hello(0x0303, [0x0005, 0x000A, suite]))
        expect(got == ("hello", suite, 0), f"suite {suite:#06x} behind RC4 and 3DES: {got}")
    # Every number that there is, and so RC4, 3DES, NULL, EXPORT, anonymous, CBC, and RSA and DH without forward secrecy.
    others = iter(code for code in range(0x10000) if code not in good and not 0x1301 <= code <= 0x1305)
    while suites := list(itertools.islice(others, 4000)):
        got = answer(address, hello(0x0303, suites))
        expect(got == ("alert", HANDSHAKE_FAILURE), f"suites {suites[0]:#06x} to {suites[-1]:#06x}: {got}")
    for version in [0x0300, 0x0301, 0x0302]:
        got = answer(address, hello(version, [*good, 0x0005, 0x000A, 0x002F, 0xC013]))
        expect(got == ("alert", PROTOCOL_VERSION), f"version {version:#06x}: {got}")
    ssl2 = bytes.fromhex("802e0100020015001000000100800200800300800400800500800600400700c0") + bytes(16)
    got = answer(address, ssl2)
    expect(got[0] in ("alert", "end"), f"SSL 2: {got}")
    got = answer(address, hello(0x0303, good, [1]))
    expect(got[0] == "alert", f"nothing but compression: {got}")
    got = answer(address, hello(0x0303, good, [1, 0]))
    expect(got[0] == "hello" and got[2] == 0, f"compression or none: {got}")


def main():
    for key in KEYS:
        with daemon(key) as (host, port, certificate):
            by_openssl(port, key, certificate)
            by_curl(port, certificate)
            by_bytes((host, port), key)
    print(f"https: {tried} tries with openssl, curl and bytes, each taken or refused as it should be")


main()
