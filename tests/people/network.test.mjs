// Chromium's Local Network Access, as docs/clients.md has it: which pages may call a pacingd of the local network. All
// addresses are this machine's; Chromium is told to take the page's as one of the internet or of the local network, and the
// daemon's as one of the local network.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, certificate, serve, start } from './daemon.mjs';

// A name for the page's server that is no secure context over HTTP, as 127.0.0.1 and localhost are.
const HOST = 'shop.example';
let pair, daemon, plain, secure;
before(async () => {
  pair = certificate(90);
  daemon = await start({ 'http.cors': 'allowed-origins = "*"' });
  await daemon.send({ group: 'A', ready: 4, loggedIn: 9 });
  const url = `${daemon.http}/backend/data/pacing/reactiveState?channel=chat`;
  const page = `<!doctype html><link rel="icon" href="data:,"><script>
    fetch('${url}').then((answer) => answer.json()).then((answer) => console.log(answer.reactiveState), () => console.log('failed'));
  </script>`;
  plain = await serve({ '/': page });
  secure = await serve({ '/': page }, 0, pair.pem);
});
after(async () => {
  await daemon?.stop();
  await plain?.stop();
  await secure?.stop();
  pair?.remove();
});

/** What the page logs that a server of that address space serves, and what Chromium says, with the daemon in the space `to`. */
async function visit(server, space, { permissions = [], to = 'local' } = {}) {
  const port = (url) => new URL(url).port;
  const spaces = [[plain.origin, space], [secure.origin, space], [daemon.http, to]];
  const browser = await browse(pair.trust, `--host-resolver-rules=MAP ${HOST} 127.0.0.1`,
    `--ip-address-space-overrides=${spaces.map(([url, of]) => `127.0.0.1:${port(url)}=${of}`).join()}`);
  try {
    const page = await (await browser.newContext({ permissions })).newPage();
    const said = [];
    page.on('console', (message) => { if (message.type() === 'error') said.push(message.text()); });
    const logged = page.waitForEvent('console', { predicate: (message) => message.type() === 'log' });
    await page.goto(`${server.origin.replace('127.0.0.1', HOST)}/`);
    return { logged: (await logged).text(), said: said.join('\n') };
  } finally {
    await browser.close();
  }
}
const GRANTED = { permissions: ['local-network-access'] };

test('a page of the internet may not call, unless the visitor has said yes', async () => {
  const asked = await visit(secure, 'public');
  assert.equal(asked.logged, 'failed');
  assert.match(asked.said, /Permission was denied for this request to access the `local` address space/);
  assert.equal((await visit(secure, 'public', GRANTED)).logged, '1');
});

test('a page of the internet without HTTPS may never call', async () => {
  for (const visitor of [{}, GRANTED]) {
    const { logged, said } = await visit(plain, 'public', visitor);
    assert.equal(logged, 'failed', said);
    assert.match(said, /not a secure context and the resource is in more-private address space `local`/);
  }
});

test('a page of the local network may call', async () => {
  assert.deepEqual(await visit(plain, 'local'), { logged: '1', said: '' });
});

test('a page of the internet may call a pacingd of the internet', async () => {
  assert.deepEqual(await visit(plain, 'public', { to: 'public' }), { logged: '1', said: '' });
});
