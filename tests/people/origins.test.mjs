// Pages of other origins that ask as the reference tells them to, over HTTP and HTTPS, in headless Chromium.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browse, certificate, serve, start } from './daemon.mjs';

const JQUERY = readFileSync(fileURLToPath(new URL('node_modules/jquery/dist/jquery.min.js', import.meta.url)));
const PATH = '/backend/data/pacing/reactiveState?channel=chat';

/** The example of the API's reference, with an address of the test's. */
const page = (url) => `<!doctype html><script src="jquery.js"></script><script>
$.ajax({url: '${url}'})
.done(function( result ) {
    console.log('result: ' + JSON.stringify(result.reactiveState));
    var rnd = Math.random();
    if(rnd <= result.reactiveState) {
        // Do something
    }
})
.fail(function (request) { console.log('failed: ' + request.status); });
</script>`;

let pair, browser, daemon, site;
before(async () => {
  pair = certificate(90);
  browser = await browse(pair.trust);
  const files = { '/jquery.js': JQUERY };
  site = await serve(files);
  daemon = await start({ https: pair.https, 'http.cors': `allowed-origins = ["${site.origin}"]` });
  files['/http'] = page(daemon.http + PATH);
  files['/https'] = page(daemon.https + PATH);
  // What makes a browser ask beforehand whether it may.
  files['/preflight'] = page(daemon.https + PATH).replace('{url:', '{headers: {"x-page": "1"}, url:');
  await daemon.send({ group: 'A', ready: 4, loggedIn: 9 });
});
after(async () => {
  await browser?.close();
  await daemon?.stop();
  await site?.stop();
  pair?.remove();
});

/** The first thing that a page logs by itself. */
async function logged(origin, path, by = browser) {
  const tab = await by.newPage();
  try {
    const message = tab.waitForEvent('console', { predicate: (told) => told.type() === 'log' });
    await tab.goto(origin + path);
    return (await message).text();
  } finally {
    await tab.close();
  }
}

for (const path of ['/http', '/https', '/preflight']) {
  test(`a page of a listed origin reads the state: ${path}`, async () => {
    assert.equal(await logged(site.origin, path), 'result: 1');
  });

  test(`a page of an origin that is not listed does not: ${path}`, async () => {
    // The same server by another name is another origin.
    assert.equal(await logged(site.origin.replace('127.0.0.1', 'localhost'), path), 'failed: 0');
  });
}

test('a browser that does not trust the certificate reads nothing', async () => {
  const stranger = await browse();
  try {
    assert.equal(await logged(site.origin, '/https', stranger), 'failed: 0');
  } finally {
    await stranger.close();
  }
});
