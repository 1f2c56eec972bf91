// The status page in headless Chromium, made of real datagrams.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import axe from 'axe-core';
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
/** Changes what the page is answered: what takes an hour, or a full socket, to come about by itself. */
const alter = (change) => page.route('**/status', async (route) => {
  const response = await route.fetch();
  const status = await response.json();
  change(status);
  await route.fulfill({ response, json: status });
});
/** After an hour: nobody waits for a first line any more. */
const LATER = (status) => { status.uptime += 3600; };
async function close() {
  // An answer that is being altered when the page goes away is no fault of the page.
  await page?.unrouteAll({ behavior: 'ignoreErrors' });
  await page?.context().close();
  await daemon?.stop();
  page = daemon = null;
}
beforeEach(() => { complaints = []; });
// What a test that failed has left open keeps nobody waiting.
afterEach(close);

const groups = () => page.locator('tbody bdi').allTextContents();
const row = (name) => page.locator('tbody tr').filter({ has: page.locator(`bdi:text-is("${name}")`) });
const cell = (name, column) => row(name).locator(`.${column}`);
/** Waits until the page, which asks every two seconds, shows it. */
const shows = (locator, text) => until(async () => (await locator.textContent()).includes(text));

test('the policy fits the page', () => {
  assert.equal(served(), wanted(), 'run npm run policy');
});

test('each group shows its statistics and why, the troubled first, and nothing is asked from elsewhere', async () => {
  await open(CENTRE.settings);
  await CENTRE.tell(daemon);
  await alter(LATER);
  await visit();
  await shows(cell('Sales', 'abandonment'), '8.5 %');
  assert.deepEqual((await groups()).slice(0, 3), ['Night shift', 'Weekend', 'Sales']);
  assert.equal(await page.locator('tbody tr').count(), 9);
  const why = async (name) => (await daemon.status()).groups.find(({ group }) => group === name).why;
  assert.equal(await cell('Night shift', 'why').textContent(), await why('Night shift'));
  assert.equal(await cell('Sales', 'state').textContent(), 'Over goal');
  assert.match(await cell('Sales', 'abandonment').textContent(), /8\.5 %of 730/);
  assert.equal(await cell('Sales', 'ready').textContent(), '0 / 20');
  assert.equal(await cell('Sales', 'queued').textContent(), '7');
  assert.equal(await cell('Billing', 'why').textContent(), await why('Billing'));
  assert.equal(await cell('Überweisungen & Konten', 'factor').textContent(), '78 %');
  assert.match(await page.locator('#summary').textContent(), /2 silent, 1 over goal/);
  assert.match(await page.locator('#settings').textContent(), /SUPER_PROGRESSIVE_DUAL.*3\s% abandonment.*Lines accepted12/);
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
      channel: index % 2 ? 'chat' : 'webcallback', group: `Team ${String(index).padStart(3, '0')}`, ready: index % 7 ? index % 5 : 0, loggedIn: index % 7 ? 5 : 0,
    })));
  }
  await visit();
  await until(async () => (await groups()).length === 256);
  await page.getByLabel('Filter by group').fill('team 01');
  assert.equal((await groups()).length, 10);
  await shows(page.locator('#count'), '10 of 256 groups');
  await page.getByLabel('Channel').selectOption('chat');
  assert.equal((await groups()).length, 5);
  const { why } = (await daemon.status()).groups.find((group) => group.channel === 'chat' && group.loggedIn === 0);
  await page.getByLabel('Filter by group').fill(why);
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
  assert.match(await cell('Z', 'why').textContent(), /\d\u00a0s/);
  assert.equal(await cell('Z', 'reactive').textContent(), '–');
  assert.equal((await groups())[0], 'Z');
  assert.match(await page.locator('#news').textContent(), /^[12] silent/);
  await until(async () => { await daemon.send({ group: 'Z', ready: 1, queued: 0 }); return await row('Z').getAttribute('data-is') === 'open'; });
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

test('lines that are dropped are said to be while they come, and why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pacingd-key-'));
  writeFileSync(join(folder, 'key'), 'k'.repeat(32));
  await open({ statistics: `key-files = ["${join(folder, 'key')}"]` });
  await daemon.send('garbage');
  await visit();
  await shows(page.locator('#settings'), 'Lines dropped1');
  assert.equal(await page.locator('#notices').textContent(), '', 'what was before the page was opened is no news');
  await daemon.send({ group: 'A', ready: 1 }, `eyJhbGciOiJIUzI1NiJ9.e30.${'A'.repeat(43)}`);
  await shows(page.locator('#notices'), 'Lines of statistics are being dropped: not signed, with a bad signature');
  assert.equal(await page.title(), 'lines dropped – pacingd');
  rmSync(folder, { recursive: true });
  await close();
});

test('before any statistics the page says what it waits for, and its title claims nothing', async () => {
  await open();
  await visit();
  await shows(page.locator('#none'), 'No statistics yet');
  assert.equal(await page.title(), 'No group is known – pacingd');
  await close();
});

test('after a start a declared group is waited for as long as statistics count, then it is silent', async () => {
  await open(CENTRE.settings);
  await daemon.send({ group: 'A', ready: 1, queued: 0 });
  let change = () => {};
  await alter((status) => change(status));
  await visit();
  await until(async () => await row('Night shift').getAttribute('data-is') === 'waiting');
  assert.equal(await page.title(), 'All well – pacingd');
  change = (status) => { status.uptime = status.timeToLive; };
  await until(async () => await row('Night shift').getAttribute('data-is') === 'silent');
  assert.equal(await page.title(), '2 silent – pacingd');
  await close();
});

test('a restart, also one with HTTPS switched on, is no alarm', async () => {
  const pair = certificate(90);
  await open();
  await daemon.send('garbage', { group: 'A', ready: 1 });
  await page.clock.install();
  await visit();
  await shows(page.locator('#settings'), 'Lines dropped1');
  await page.clock.pauseAt(Date.now() + 1000);
  await page.evaluate(() => {
    globalThis.alarms = [];
    new MutationObserver(() => globalThis.alarms.push(document.title, document.getElementById('lost').hidden, document.getElementById('notices').textContent))
      .observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  const { operators } = daemon;
  await daemon.stop();
  // The page asks once in vain.
  const missed = page.waitForEvent('requestfailed');
  await page.clock.runFor(2000);
  await missed;
  daemon = await start({ https: pair.https }, new URL(operators).host);
  await page.clock.resume();
  await shows(page.locator('#settings'), 'Certificateuntil');
  await daemon.send({ group: 'A', ready: 1, queued: 0 });
  await until(async () => await page.title() === 'All well – pacingd');
  await shows(page.locator('#settings'), 'Lines dropped0');
  const alarms = new Set(await page.evaluate(() => globalThis.alarms));
  assert.deepEqual([...alarms].sort(), ['', 'All well – pacingd', 'No group is known – pacingd', true].sort());
  await close();
  pair.remove();
});

test('a certificate that has expired is in the title', async () => {
  await open();
  await daemon.send({ group: 'A', ready: 1, queued: 0 });
  await alter((status) => { status.certificateExpires = 'Sun, 01 Nov 2020 00:00:00 GMT'; });
  await visit();
  await until(async () => await page.title() === 'certificate expired – pacingd');
  await shows(page.locator('#notices'), 'The HTTPS certificate has expired');
  await shows(page.locator('#settings'), 'Certificate▲ has expired');
  await close();
});

test('datagrams that the kernel dropped are shown, and are news while they become more', async () => {
  await open();
  await daemon.send({ group: 'A', ready: 1, queued: 0 });
  let drops = 5;
  await alter((status) => { status.droppedByKernel = drops; });
  await visit();
  await shows(page.locator('#settings'), 'Datagrams dropped by the kernel5');
  assert.equal(await page.title(), 'All well – pacingd');
  drops = 78;
  await shows(page.locator('#notices'), 'The kernel dropped 73 datagrams');
  assert.equal(await page.title(), 'datagrams lost – pacingd');
  await close();
});

test('contradictory figures and dropped lines are flagged at their group, and those groups count as troubled', async () => {
  await open();
  await daemon.send({ group: 'A', ready: 1, queued: 0 }, { group: 'B', ready: 1, queued: 0 }, { group: 'C', ready: 1, queued: 0 });
  await alter((status) => {
    const group = (name) => status.groups.find((one) => one.group === name);
    group('A').contradiction = 'ready 5 is more than loggedIn 3';
    group('B').dropped = { lines: 1200, age: 3, why: 'late' };
    group('C').dropped = { lines: 7, age: 3000, why: 'late' };
  });
  await visit();
  await shows(cell('A', 'why').locator('.flag'), '▲ ready 5 is more than loggedIn 3');
  await shows(cell('B', 'why').locator('.flag'), '▲ 1,200 lines dropped: the time is before that of the last one');
  assert.equal(await page.title(), '2 flagged – pacingd');
  await page.getByLabel('Only troubled groups').check();
  assert.deepEqual(await groups(), ['A', 'B']);
  await close();
});

test('lines that are all dropped are no silence', async () => {
  await open(CENTRE.settings);
  await daemon.send({ group: 'A', ready: 1, queued: 0 });
  let change = (status) => { LATER(status); };
  await alter((status) => change(status));
  await visit();
  await until(async () => await row('Night shift').getAttribute('data-is') === 'silent');
  change = (status) => {
    LATER(status);
    Object.assign(status.groups.find((group) => group.group === 'Night shift'), { reason: 'dropped', why: 'no statistics; lines are received but dropped' });
    status.lines.malformed += 9;
    status.lastDropped = { age: 1, sender: '192.0.2.7', outcome: 'malformed', why: 'not JSON: "\u202eready"' };
  };
  await until(async () => await row('Night shift').getAttribute('data-is') === 'dropped');
  assert.equal(await page.title(), 'lines dropped, 1 silent, 1 dropped – pacingd');
  await shows(page.locator('#notices'), 'dropped: malformed. The last one, from 192.0.2.7: not JSON: "\\u{202e}ready".');
  await close();
});

test('groups that have been silent for an hour are apart, and no trouble', async () => {
  await open();
  await daemon.send({ group: 'A', ready: 1, queued: 0 }, { group: 'Campaign\u200b', ready: 1, queued: 0 });
  await alter((status) => Object.assign(status.groups.find((group) => group.group !== 'A'), { fresh: false, dormant: true, age: 7300 }));
  await visit();
  await until(async () => (await groups()).length === 1);
  assert.deepEqual(await groups(), ['A']);
  assert.equal(await page.title(), 'All well – pacingd');
  await page.locator('#dormant summary').click();
  assert.equal(await page.locator('#dormant').textContent(), '1 dormant: silent for an hour or moreCampaign\\u{200b} (chat, 2 h)');
  await close();
});

test('what nobody can see in a name is shown escaped, so that no two names look the same', async () => {
  await open();
  const names = ['Sales', 'Sal\u202ees', 'Sa\u200bles', 'Sales ', 'Sales\u3164', 'One two', 'One  two', 'One\u00a0two', 'مبيعات'];
  await daemon.send(...names.map((group) => ({ group, ready: 1, queued: 0 })));
  await visit();
  await until(async () => (await groups()).length === names.length);
  assert.deepEqual((await groups()).sort(), ['Sales', 'Sal\\u{202e}es', 'Sa\\u{200b}les', 'Sales\\u{20}', 'Sales\\u{3164}', 'One two', 'One \\u{20}two',
    'One\\u{a0}two', 'مبيعات'].sort());
  await page.getByLabel('Filter by group').fill('\\u{202e}');
  assert.deepEqual(await groups(), ['Sal\\u{202e}es']);
  await close();
});

test('an estimate without end is shown with one', async () => {
  await open();
  await daemon.send({ group: 'A', ready: 1, queued: 0 });
  await alter((status) => { Object.assign(status.groups[0], { offeredDemand: 1e15, admittedDemand: 12.3 / 60 }); });
  await visit();
  await shows(cell('A', 'offered'), '> 1,000');
  assert.equal(await cell('A', 'admitted').textContent(), '12.3');
  await close();
});

test('the page says since when the daemon runs, and where more is to be read', async () => {
  await open();
  await alter((status) => { Object.assign(status, { uptime: 3 * 86400, started: status.started - 3 * 86400 }); });
  await visit();
  await shows(page.locator('#settings'), 'Running for3 days, since ');
  const since = new Date(Date.now() - 3 * 86_400_000).toLocaleString('en-US', { dateStyle: 'medium', timeZone: 'UTC' });
  assert.ok((await page.locator('#settings').textContent()).includes(since), `${since} in ${await page.locator('#settings').textContent()}`);
  for (const path of ['status', 'metrics']) {
    const href = await page.getByRole('link', { name: `/${path}` }).getAttribute('href');
    assert.equal((await page.request.get(new URL(href, page.url()).href)).status(), 200);
  }
  assert.match(await page.locator('#notes').textContent(), /man pacingd, man pacingd\.toml\./);
  await close();
});

/** Everything that the page can show at once. */
function everything(status) {
  LATER(status);
  status.droppedByKernel = 3;
  status.certificateExpires = 'Sun, 01 Nov 2020 00:00:00 GMT';
  const [first, second, third] = status.groups;
  Object.assign(first, { fresh: false, dormant: true, age: 7300 });
  second.contradiction = 'ready 5 is more than loggedIn 3';
  third.dropped = { lines: 12, age: 1, why: 'stale' };
}

for (const [width, colorScheme] of [[1600, 'light'], [1600, 'dark'], [390, 'light'], [390, 'dark']]) {
  test(`axe finds nothing at ${width} px, ${colorScheme}`, async () => {
    await open(CENTRE.settings, { width, colorScheme });
    await CENTRE.tell(daemon);
    await alter(everything);
    await visit();
    await until(async () => (await groups()).length === 8);
    await page.locator('#dormant summary').click();
    await page.evaluate(axe.source);
    const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
    assert.ok(passes.length > 20, `only ${passes.length} rules apply`);
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), []);
    await close();
  });
}

for (const count of [1, 256]) {
  test(`with ${count} groups of the longest names nothing scrolls sideways from 320 to 3,840 px`, async () => {
    await open();
    for (let from = 0; from < count; from += 32) {
      await daemon.send(...Array.from({ length: Math.min(32, count) }, (_, index) => ({
        group: `${String(from + index).padStart(3, '0')}${'W'.repeat(61)}`, ready: 1e6, loggedIn: 1e6, queued: 1e6, reactive: 1e6, reactiveEntered: 9e15, abandoned: 8e15,
      })));
    }
    let asked = 0;
    await alter((status) => {
      LATER(status);
      status.droppedByKernel = 9e15;
      status.groups[0].contradiction = `reactiveEntered ${'9'.repeat(16)} is less than abandoned ${'9'.repeat(16)}`;
      if (count > 1) Object.assign(status.groups[1], { fresh: false, dormant: true, age: 7300 });
      status.lines.malformed += asked += 1;
      status.lastDropped = { age: 1, sender: `[2001:db8:${'ffff:'.repeat(5)}ffff]`, outcome: 'malformed', why: `not JSON: "${'W'.repeat(64)}"` };
    });
    await visit();
    await until(async () => (await groups()).length === Math.max(count - 1, 1));
    await shows(page.locator('#notices'), 'WWW');
    if (count > 1) await page.locator('#dormant summary').click();
    for (const width of [320, 360, 390, 480, 640, 768, 1000, 1215, 1216, 1280, 1366, 1440, 1600, 1920, 2560, 3840]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${wide} px too wide at ${width}`);
    }
    await close();
  });
}

test('on phones and tablets no label of a figure wraps, so that the figures of a row stand beside each other', async () => {
  await open(CENTRE.settings);
  await CENTRE.tell(daemon);
  await visit();
  await until(async () => (await groups()).length === 9);
  for (const width of [320, 360, 390, 480, 620, 634, 640, 768, 960, 1000, 1215]) {
    await page.setViewportSize({ width, height: 900 });
    const heights = await page.evaluate(() => [...document.querySelectorAll('tbody .number')].map((cell) => getComputedStyle(cell, '::before').height));
    assert.ok(heights.length >= 9 * 9, `${heights.length} labels`);
    assert.equal(new Set(heights).size, 1, `at ${width} px: ${[...new Set(heights)]}`);
  }
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
  for (const width of [360, 1600]) {
    test(`all can be read at ${width} px, ${colorScheme}`, async () => {
      await open(CENTRE.settings, { width, colorScheme });
      await CENTRE.tell(daemon);
      await alter(everything);
      await visit();
      await until(async () => (await groups()).length === 8);
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
