// The status page's Content-Security-Policy names its script and style by their hashes: `--write` computes them anew.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

const source = (name) => fileURLToPath(new URL(`../../src/daemon/http/${name}`, import.meta.url));

/** The policy that fits the page as it is in the source. */
export function wanted() {
  const page = readFileSync(source('page.html'), 'utf8');
  const hash = (tag) => {
    const [, text] = page.match(new RegExp(`<${tag}>(.*?)</${tag}>`, 's'));
    return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  };
  return [
    "default-src 'none'", `script-src ${hash('script')}`, `style-src ${hash('style')}`, "connect-src 'self'", 'img-src data:',
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ].join('; ');
}

/** The policy that is served. */
export const served = () => readFileSync(source('page.csp'), 'utf8').trim();

if (argv[2] === '--write') writeFileSync(source('page.csp'), `${wanted()}\n`);
