// Opens a page of the site with a chat widget in Chromium, as several visitors, and checks that the launcher is shown to those
// who may be offered a chat, and to nobody else: widget.mjs FILE NAME. The widgets' makers serve them from elsewhere; the ones
// here do what the makers' documentation and sources say of loading, of calls made before that, and of the calls used.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import { browse } from './daemon.mjs';

const MAKER = 'https://maker.example/widget.js';
const LOAD = `var script = document.createElement('script'); script.async = true; script.src = '${MAKER}'; document.head.append(script);`;
/** The launcher of every stand-in. */
const LAUNCHER = `var launcher = document.createElement('button'); launcher.id = 'launcher'; launcher.textContent = 'Chat';
  function visible(is) { launcher.style.display = is ? '' : 'none'; }`;

/** By name: the embed code, and the widget that it loads. */
const WIDGETS = {
  // Calls before the script is loaded are queued in `_`; each is carried out in the widget's frame, once that is ready.
  rocketchat: {
    embed: `window.RocketChat = function (call) { RocketChat._.push(call); }; RocketChat._ = []; RocketChat.url = 'https://maker.example/livechat'; ${LOAD}`,
    widget: `${LAUNCHER}
      document.body.append(launcher);
      var ready = false, waiting = [];
      function hook(call) { if (ready) call(); else waiting.push(call); }
      var livechat = { hideWidget() { hook(() => visible(false)); }, showWidget() { hook(() => visible(true)); } };
      var queued = RocketChat._;
      RocketChat._.push = (call) => call.call(livechat);
      window.RocketChat = RocketChat._.push;
      queued.forEach((call) => call.call(livechat));
      setTimeout(() => { ready = true; waiting.forEach((call) => call()); });`,
  },
  // The maker's page gives the embed code with settings, which it assigns. With `hideMessageBubble` among them no bubble is made,
  // and none can be shown later. Otherwise the bubble comes just before "chatwoot:ready", from which on `$chatwoot` can be called.
  chatwoot: {
    embed: `window.chatwootSettings = { position: 'right', type: 'standard', launcherTitle: 'Chat with us' }; ${LOAD}`,
    widget: `${LAUNCHER}
      visible(!window.chatwootSettings.hideMessageBubble);
      window.$chatwoot = { toggleBubbleVisibility(to) {
        if (!launcher.isConnected) throw new Error('there is no bubble yet');
        if (!window.chatwootSettings.hideMessageBubble && (to === 'show' || to === 'hide')) visible(to === 'show');
      } };
      setTimeout(() => { document.body.append(launcher); window.dispatchEvent(new Event('chatwoot:ready')); });`,
  },
  // Calls are queued until the script is loaded.
  livechat: {
    embed: `window.LiveChatWidget = { _q: [], _h: null, call(...call) { this._h ? this._h(call) : this._q.push(call); } }; ${LOAD}`,
    widget: `${LAUNCHER}
      document.body.append(launcher);
      LiveChatWidget._h = ([name]) => {
        if (name === 'hide') visible(false);
        else if (name === 'minimize' || name === 'maximize') visible(true);
        else throw new Error('LiveChatWidget has no ' + name);
      };
      LiveChatWidget._q.forEach((call) => LiveChatWidget._h(call));`,
  },
};

// Two pages of one visit: the answers, one to each question, and whether the launcher must be there on each page. The first
// answers are the running daemon's, through the site's web server, whose statistics are fresh then.
const VISITS = [
  { answers: ['real', 'real'], shown: [true, true], asked: 1 },
  { answers: [1, 0], shown: [true, true], asked: 1 },
  { answers: [0, 1], shown: [false, false], asked: 1 },
  { answers: [503, 1], shown: [false, true], asked: 2 },
  { answers: ['none', 'none'], shown: [false, false], asked: 2 },
  { answers: ['slow', 0], shown: [false, false], asked: 2 },
];

const [file, name] = argv.slice(2);
const { embed, widget } = WIDGETS[name];
const comment = /<!-- the embed code of [\w.]+ -->/;
const text = readFileSync(file, 'utf8');
assert.match(text, comment, 'the page has no place for the embed code');
const html = `<!doctype html><title>site</title><body>${text.replace(comment, `<script>${embed}</script>`)}`;

const browser = await browse();
try {
  for (const visit of VISITS) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.route('http://127.0.0.1/', (route) => route.fulfill({ body: html, contentType: 'text/html' }));
    await page.route(MAKER, (route) => route.fulfill({ body: widget, contentType: 'text/javascript' }));
    const left = [...visit.answers];
    let asked = 0;
    await page.route('**/reactiveState?*', (route) => {
      const answer = left.shift();
      asked += 1;
      if (answer === 'real') return route.continue();
      if (answer === 'none') return route.abort();
      if (answer === 'slow') return undefined;
      return route.fulfill(answer > 1 ? { status: answer, body: '{}' } : { json: { reactiveState: answer } });
    });
    for (const [index, shown] of visit.shown.entries()) {
      // What is kept is nearly over, and must last on: the visit does.
      await context.addCookies((await context.cookies()).map((cookie) => ({ ...cookie, expires: Date.now() / 1000 + 60 })));
      await page.goto('http://127.0.0.1/');
      // The widget is there and was told all that the page tells it: nothing is asked any more.
      await page.waitForLoadState('networkidle');
      await page.waitForFunction(() => document.getElementById('launcher'));
      const is = await page.locator('#launcher').isVisible();
      assert.equal(is, shown, `${name}, answers ${visit.answers}: page ${index + 1}: the launcher is ${is ? 'shown' : 'hidden'}`);
    }
    assert.equal(asked, visit.asked, `${name}, answers ${visit.answers}: asked ${asked} times`);
    for (const { expires } of await context.cookies()) {
      const left = expires - Date.now() / 1000;
      assert.ok(left > 1700, `${name}, answers ${visit.answers}: what is kept is over in ${left} s`);
    }
    // Two tabs that ask at the same time draw once.
    await context.clearCookies();
    left.splice(0, left.length, 1, 0);
    const tabs = await page.evaluate(() => Promise.all([mayOfferChat(), mayOfferChat()]));
    assert.equal(tabs[0], tabs[1], `${name}: two tabs: ${tabs}`);
    assert.deepEqual(errors, []);
    await context.close();
  }
  console.log(`the launcher of ${name} follows the answers of ${VISITS.length} visits`);
} finally {
  await browser.close();
}
