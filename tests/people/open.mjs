// Opens a page in Chromium and prints the first thing that it logs (not what Chromium itself logs): open.mjs FILE [URL]. The page
// is one of the site that the web server of this machine serves, or one of URL, another origin with `jquery.js` beside the page.
import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { browse, serve } from './daemon.mjs';

const html = `<!doctype html>${readFileSync(argv[2], 'utf8')}`;
const url = argv[3] || 'http://127.0.0.1/';
const jquery = readFileSync(fileURLToPath(new URL('node_modules/jquery/dist/jquery.min.js', import.meta.url)));
const other = argv[3] ? await serve({ '/': html, '/jquery.js': jquery }, Number(new URL(url).port)) : null;
const browser = await browse();
try {
  const page = await browser.newPage();
  if (!other) await page.route(url, (route) => route.fulfill({ body: html, contentType: 'text/html' }));
  const logged = page.waitForEvent('console', { predicate: (message) => message.type() === 'log' });
  await page.goto(url);
  console.log((await logged).text());
} finally {
  await browser.close();
  await other?.stop();
}
