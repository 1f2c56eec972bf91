// The status page in headless Chromium, made of real datagrams.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { CENTRE, browse, certificate, start, until } from './daemon.mjs';
import { served, wanted } from './policy.mjs';

let browser, daemon, page, complaints;
before(async () => { browser = await browse(); });
after(() => browser?.close());

/** The page of a daemon with these settings, at this width. */
async function open(settings = {}, { width = 1600, ...more } = {}) {
  daemon = await start(settings);
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...more });
  page = await context.newPage();
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith(daemon.operators)) complaints.push(request.url()); });
}
const visit = () => page.goto(`${daemon.operators}/`);
async function close() {
  await page.context().close();
  await daemon.stop();
}
beforeEach(() => { complaints = []; });

const groups = () => page.locator('tbody tr th > span:first-child').allTextContents();
const row = (name) => page.locator('tbody tr').filter({ has: page.locator(`th > span:first-child:text-is("${name}")`) });
const cell = (name, column) => row(name).locator(`.${column}`);
/** Waits until the page, which asks every two seconds, shows it. */
const shows = (locator, text) => until(async () => (await locator.textContent()).includes(text));

test('the policy fits the page', () => {
  assert.equal(served(), wanted(), 'run npm run policy');
});

test('each group shows its statistics and why, the troubled first, and nothing is asked from elsewhere', async () => {
  await open(CENTRE.settings);
  await CENTRE.tell(daemon);
  await visit();
  await shows(cell('Sales', 'abandonment'), '8.5 %');
  assert.deepEqual((await groups()).slice(0, 3), ['Night shift', 'Weekend', 'Sales']);
  assert.equal(await page.locator('tbody tr').count(), 9);
  assert.equal(await cell('Night shift', 'why').textContent(), 'no statistics yet');
  assert.equal(await cell('Sales', 'state').textContent(), 'Over goal');
  assert.match(await cell('Sales', 'abandonment').textContent(), /8\.5 %of 730/);
  assert.equal(await cell('Sales', 'ready').textContent(), '0 / 20');
  assert.equal(await cell('Sales', 'queued').textContent(), '7');
  assert.equal(await cell('Billing', 'why').textContent(), 'no agents are logged in');
  assert.equal(await cell('Überweisungen & Konten', 'factor').textContent(), '78 %');
  assert.match(await page.locator('#summary').textContent(), /2 silent, 1 over goal/);
  assert.match(await page.locator('#settings').textContent(), /SUPER_PROGRESSIVE_DUAL.*3 % abandonment.*Lines accepted12/);
  assert.match(await page.title(), /silent/);
  assert.match(await cell('Orders', 'history').locator('svg').getAttribute('aria-label'), /^Reactive state from \d+ % to/);
  assert.match(await cell('Orders', 'history').locator('.line').getAttribute('d'), /^M\d/);
  const headers = (await page.request.get(daemon.operators)).headers();
  assert.equal(headers['content-security-policy'], wanted());
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.deepEqual(complaints, []);
  await close();
});

test('a name is text, whatever it holds', async () => {
  await open();
  const name = '<img src=x onerror=alert(1)>"\\';
  await daemon.send({ group: name, ready: 1 });
  await visit();
  await until(async () => (await groups()).length === 1);
  assert.deepEqual(await groups(), [name]);
  assert.equal(await page.locator('tbody img').count(), 0);
  assert.deepEqual(complaints, []);
  await close();
});

test('headings sort by keyboard, both ways, and say so', async () => {
  await open(CENTRE.settings);
  await CENTRE.tell(daemon);
  await visit();
  await until(async () => (await groups()).length === 9);
  const heading = page.locator('thead th').filter({ hasText: 'Queued' });
  await heading.locator('button').focus();
  await page.keyboard.press('Enter');
  assert.equal(await heading.getAttribute('aria-sort'), 'descending');
  assert.deepEqual((await groups()).slice(0, 3), ['Sales', 'Technical support, second line', 'Returns']);
  await page.keyboard.press('Enter');
  assert.equal(await heading.getAttribute('aria-sort'), 'ascending');
  assert.equal((await groups()).indexOf('Sales'), 6, 'the last of those that are known; unknown ones come after');
  assert.equal(await page.locator('[aria-sort]').count(), 1);
  await page.getByRole('button', { name: 'Group' }).click();
  assert.deepEqual((await groups()).slice(0, 3), ['Billing', 'Night shift', 'Orders']);
  await close();
});

test('256 groups are filtered by name, channel, reason and trouble', async () => {
  await open();
  for (let from = 0; from < 256; from += 64) {
    const lines = Array.from({ length: 64 }, (_, index) => from + index);
    await daemon.send(...lines.map((index) => ({
      channel: index % 2 ? 'chat' : 'webcallback', group: `Team ${String(index).padStart(3, '0')}`, ready: index % 5, loggedIn: index % 7 ? 5 : 0,
    })));
  }
  await visit();
  await until(async () => (await groups()).length === 256);
  await page.getByLabel('Filter by group').fill('team 01');
  assert.equal((await groups()).length, 10);
  await shows(page.locator('#count'), '10 of 256 groups');
  await page.getByLabel('Channel').selectOption('chat');
  assert.equal((await groups()).length, 5);
  await page.getByLabel('Filter by group').fill('no agents are logged in');
  assert.ok((await groups()).length > 0);
  await page.getByLabel('Only troubled groups').check();
  assert.equal((await groups()).length, 0);
  assert.equal(await page.locator('#none').textContent(), 'No group matches.');
  assert.deepEqual(complaints, []);
  await close();
});

test('a group that goes silent is marked, moves to the top, and comes back', async () => {
  await open({ statistics: 'time-to-live = 3' });
  const alive = () => daemon.send({ group: 'A', ready: 1, queued: 0 });
  await daemon.send({ group: 'Z', ready: 1, queued: 0 });
  await alive();
  await visit();
  await until(async () => { await alive(); return await row('Z').getAttribute('data-is') === 'silent'; });
  assert.match(await cell('Z', 'why').textContent(), /^no statistics for \d+\u00a0s$/);
  assert.equal(await cell('Z', 'reactive').textContent(), '–');
  assert.equal((await groups())[0], 'Z');
  assert.match(await page.locator('#news').textContent(), /^[12] silent/);
  await until(async () => { await daemon.send({ group: 'Z', ready: 1, queued: 0 }); return await row('Z').getAttribute('data-is') === 'open'; });
  assert.ok(daemon.log.some((line) => /warning: no statistics for 3 s of chat "Z"; .*is the collector running/.test(line)), daemon.log.join('\n'));
  await close();
});

test('a daemon that does not answer is said so, and so is its return', async () => {
  await open();
  await daemon.send({ group: 'A', ready: 1 });
  await visit();
  await until(async () => (await groups()).length === 1);
  daemon.pause();
  await until(() => page.getByRole('alert').isVisible());
  assert.match(await page.getByRole('alert').textContent(), /^No answer from pacingd for .* Shown is what it said at .* Is the daemon running\?$/);
  assert.equal(await page.title(), 'No answer – pacingd');
  assert.deepEqual(await groups(), ['A'], 'what was known stays on the page');
  daemon.resume();
  await until(() => page.getByRole('alert').isHidden());
  await close();
});

test('the page tells how long the certificate lasts, and marks one that ends soon', async () => {
  for (const [days, want] of [[90, /Certificateuntil .*\d/], [10, /Certificate▲ expires in (9|10) days/]]) {
    const pair = certificate(days);
    await open({ https: pair.https });
    await visit();
    await until(async () => want.test(await page.locator('#settings').textContent()));
    assert.deepEqual(complaints, []);
    await close();
    pair.remove();
  }
});

test('lines that are refused are said so while they come, and why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pacingd-key-'));
  writeFileSync(join(folder, 'key'), 'k'.repeat(32));
  await open({ statistics: `key-files = ["${join(folder, 'key')}"]` });
  await daemon.send('garbage');
  await visit();
  await shows(page.locator('#settings'), 'Refused1');
  assert.equal(await page.locator('#refused').isVisible(), false, 'what was before the page was opened is no news');
  await daemon.send({ group: 'A', ready: 1 }, `eyJhbGciOiJIUzI1NiJ9.e30.${'A'.repeat(43)}`);
  await until(() => page.locator('#refused').isVisible());
  assert.equal(await page.locator('#refused').textContent(), 'Lines of statistics are being refused: not signed, with a bad'
    + ' signature (the same key at the collector?). The log tells more.');
  rmSync(folder, { recursive: true });
  await close();
});

test('before any statistics the page says what it waits for', async () => {
  await open();
  await visit();
  await shows(page.locator('#none'), 'No statistics yet');
  await close();
});

/** Relative luminance and contrast of WCAG 2.2. */
function contrast(one, other) {
  const luminance = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map(Number)
      .map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

for (const colorScheme of ['light', 'dark']) {
  for (const width of [360, 1000, 1600, 3840]) {
    test(`nothing is cut off and all can be read at ${width} px, ${colorScheme}`, async () => {
      await open(CENTRE.settings, { width, colorScheme });
      await CENTRE.tell(daemon);
      await visit();
      await until(async () => (await groups()).length === 9);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} px too wide`);
      const texts = await page.evaluate(() => {
        const backdrop = (node) => {
          for (let at = node; at; at = at.parentElement) {
            const { backgroundColor } = getComputedStyle(at);
            if (!/, 0\)$/.test(backgroundColor)) return backgroundColor;
          }
        };
        const shown = [...document.querySelectorAll('body *')].filter((node) => node.checkVisibility() && !node.closest('.unseen')
          && [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()));
        return shown.map((node) => [node.textContent, getComputedStyle(node).color, backdrop(node)]);
      });
      assert.ok(texts.length > 80, `only ${texts.length} texts`);
      for (const [text, ink, ground] of texts) {
        assert.ok(contrast(ink, ground) >= 4.5, `${text}: ${ink} on ${ground} is ${contrast(ink, ground).toFixed(1)}`);
      }
      const dark = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
      assert.equal(contrast(dark, 'rgb(255, 255, 255)') > 10, colorScheme === 'dark', dark);
      await close();
    });
  }
}

test('a phone can sort, and a screen reader hears a table there too', async () => {
  await open(CENTRE.settings, { width: 360, hasTouch: true });
  await CENTRE.tell(daemon);
  await visit();
  await until(async () => (await groups()).length === 9);
  await page.getByLabel('Sort by').selectOption('queued');
  assert.equal((await groups())[0], 'Sales');
  assert.equal(await page.getByRole('table', { name: /Agent groups/ }).count(), 1);
  assert.equal(await page.getByRole('rowheader').count(), 9);
  assert.ok(await page.getByRole('cell', { name: '0 / 20' }).isVisible());
  await close();
});
