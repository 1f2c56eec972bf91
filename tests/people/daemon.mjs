// The real daemon on free ports, and what the tests tell it and ask it.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const BINARY = process.env.PACINGD ?? fileURLToPath(new URL('../../target/debug/pacingd', import.meta.url));
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Starts the daemon; `sections` are further lines of its configuration, by section; `operators` is where operators ask. */
export async function start(sections = {}, operators = '127.0.0.1:0') {
  const folder = mkdtempSync(join(tmpdir(), 'pacingd-people-'));
  const listen = { http: 'listen = ["127.0.0.1:0"]', operators: `listen = "${operators}"`, statistics: 'listen = "127.0.0.1:0"' };
  const names = [...new Set([...Object.keys(listen), ...Object.keys(sections)])];
  const text = names.map((name) => `[${name}]\n${listen[name] ?? ''}\n${sections[name] ?? ''}\n`).join('');
  writeFileSync(join(folder, 'pacingd.toml'), text);
  const child = spawn(BINARY, ['--config', join(folder, 'pacingd.toml'), '--log', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const log = [];
  const lines = createInterface({ input: child.stderr });
  const found = {};
  await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error(`the daemon ended: ${log.join('\n')}`)));
    lines.on('line', (line) => {
      log.push(line);
      const address = line.match(/answering (HTTPS?|operators) on (.*)$|statistics on (UDP) (.*)$/);
      if (address) found[address[1] ?? address[3]] = address[2] ?? address[4];
      if (line.includes('ready, version')) resolve();
    });
  });
  const udp = createSocket('udp4');
  const [host, port] = found.UDP.split(':');
  const daemon = {
    log,
    pid: child.pid,
    http: `http://${found.HTTP}`,
    https: `https://${found.HTTPS?.replace('127.0.0.1', 'localhost')}`,
    operators: `http://${found.operators}`,
    /** Sends lines, and resolves when the daemon has taken them. */
    async send(...lines) {
      const received = async () => (await daemon.status()).lines.received;
      const before = await received();
      udp.send(lines.map((line) => typeof line === 'string' ? line : JSON.stringify({ channel: 'chat', ...line })).join('\n'), port, host);
      await until(async () => await received() >= before + lines.length);
    },
    status: async () => (await fetch(`${daemon.operators}/status`)).json(),
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    async stop() {
      udp.close();
      if (child.exitCode === null && child.signalCode === null) {
        child.removeAllListeners('exit');
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(folder, { recursive: true });
    },
  };
  return daemon;
}

/** A certificate for localhost, good for that many days, as openssl makes it: the section of a configuration, and its folder's end. */
export function certificate(days) {
  const folder = mkdtempSync(join(tmpdir(), 'pacingd-certificate-'));
  const [file, key] = ['certificate.pem', 'key.pem'].map((name) => join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days),
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-out', file, '-keyout', key], { stdio: 'ignore' });
  const spki = execFileSync('sh', ['-c', `openssl x509 -in ${file} -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`]);
  return {
    https: `listen = ["127.0.0.1:0"]\ncertificate = "${file}"\nkey = "${key}"`,
    /** Both, for a server of the test's own. */
    pem: { cert: readFileSync(file), key: readFileSync(key) },
    /** The one certificate that a browser is to trust beside the public ones. */
    trust: `--ignore-certificate-errors-spki-list=${String(spki).trim()}`,
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Tries again until it holds. */
export async function until(condition, patience = 20_000) {
  const end = Date.now() + patience;
  while (!await condition()) {
    if (Date.now() > end) throw new Error(`waited ${patience} ms in vain for ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A headless Chromium of the system's. */
export const browse = (...more) => chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', ...more] });

/** Serves files by path on a port of loopback, another origin than the daemon's: over HTTPS as localhost with `pem`. */
export async function serve(files, port = 0, pem = null) {
  const [create, scheme, host] = pem ? [createSecureServer, 'https', 'localhost'] : [createServer, 'http', '127.0.0.1'];
  const server = create(pem ?? {}, (request, response) => {
    const file = files[new URL(request.url, 'http://a').pathname];
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': request.url.endsWith('.js') ? 'text/javascript' : 'text/html' });
    response.end(file);
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { origin: `${scheme}://${host}:${server.address().port}`, stop: () => new Promise((resolve) => server.close(resolve)) };
}

/** A contact centre in every state that the page knows. */
export const CENTRE = {
  settings: { 'statistics.groups': 'chat = ["Night shift"]\nwebcallback = ["Weekend"]' },
  async tell(daemon) {
    const group = (name, more) => ({ group: name, loggedIn: 12, reactive: 6, proactive: 1, handleTime: 300, ...more });
    const webcallback = { channel: 'webcallback' };
    await daemon.send(
      group('Sales', { ready: 0, loggedIn: 20, reactive: 18, proactive: 2, queued: 7, reactiveEntered: 0, abandoned: 0 }),
      group('Support', { ready: 4, queued: 0, reactiveEntered: 0, abandoned: 0 }),
      group('Technical support, second line', { ready: 0, loggedIn: 8, reactive: 8, proactive: 0, queued: 3, reactiveEntered: 0, abandoned: 0 }),
      group('Überweisungen & Konten', { ready: 2, loggedIn: 9, queued: 0, reactiveEntered: 0, abandoned: 0 }),
      group('Billing', { ready: 0, loggedIn: 0, reactive: 0, proactive: 0, queued: 0 }),
      group('Orders', { ...webcallback, ready: 3, loggedIn: 6, reactive: 2, queued: 0, reactiveEntered: 0, abandoned: 0 }),
      group('Returns', { ...webcallback, ready: 5, loggedIn: 9, reactive: 3, queued: 1 }),
    );
    await daemon.send(
      group('Sales', { ready: 0, loggedIn: 20, reactive: 18, proactive: 2, queued: 7, reactiveEntered: 730, abandoned: 62 }),
      group('Support', { ready: 4, queued: 0, reactiveEntered: 12, abandoned: 0 }),
      group('Technical support, second line', { ready: 0, loggedIn: 8, reactive: 8, proactive: 0, queued: 3, reactiveEntered: 96, abandoned: 3 }),
      group('Überweisungen & Konten', { ready: 2, loggedIn: 9, queued: 0, reactiveEntered: 188, abandoned: 4 }),
      group('Orders', { ...webcallback, ready: 3, loggedIn: 6, reactive: 2, queued: 0, reactiveEntered: 9, abandoned: 0 }),
    );
  },
};
