// Opens a page of http://localhost:8000 in Chromium and prints the first thing that it logs (what Chromium itself complains of is not it). `jquery.js` is beside the page.
import { readFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { browse, serve } from './daemon.mjs';

const jquery = readFileSync(fileURLToPath(new URL('node_modules/jquery/dist/jquery.min.js', import.meta.url)));
const site = await serve({ '/': `<!doctype html>${readFileSync(argv[2], 'utf8')}`, '/jquery.js': jquery }, 8000);
const browser = await browse();
try {
  const page = await browser.newPage();
  const logged = page.waitForEvent('console', { predicate: (message) => message.type() === 'log' });
  await page.goto('http://localhost:8000/');
  console.log((await logged).text());
} finally {
  await browser.close();
  await site.stop();
}
