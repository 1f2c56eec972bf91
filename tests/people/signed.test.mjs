// What npm's jose signs, and what an attacker makes of it, against the real daemon.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CompactSign, SignJWT, UnsecuredJWT, exportSPKI, generateKeyPair } from 'jose';
import { start } from './daemon.mjs';

const bytes = (text) => new TextEncoder().encode(text);
const line = (more = 0, rest = {}) => ({ channel: 'chat', group: 'Sales', ready: 4, time: Date.now() + more, ...rest });
const sign = (payload, key, header = {}) => new SignJWT(payload).setProtectedHeader({ alg: 'HS256', ...header }).sign(bytes(key));

/** Sends one line after the other, and tells what each was counted as. */
async function counted(key, lines) {
  const folder = mkdtempSync(join(tmpdir(), 'pacingd-key-'));
  writeFileSync(join(folder, 'key'), key);
  const daemon = await start({ statistics: `key-files = ["${join(folder, 'key')}"]` });
  const counts = async () => {
    const { distrusted, lines: { accepted } } = await daemon.status();
    return { ...distrusted, accepted };
  };
  const ends = [];
  for (const text of lines) {
    const before = await counts();
    await daemon.send(text);
    const after = await counts();
    ends.push(Object.keys(after).filter((name) => after[name] > before[name]).join());
  }
  await daemon.stop();
  rmSync(folder, { recursive: true });
  return ends;
}

test('what jose signs is accepted, and nothing that was made of it', async () => {
  const key = 'k'.repeat(43);
  const good = await sign(line(), key, { typ: 'JWT', kid: '1' });
  const [header, , signature] = (await sign(line(1), key)).split('.');
  const [, payload] = (await sign(line(1, { ready: 9 }), key)).split('.');
  const critical = await new CompactSign(bytes(JSON.stringify(line(2))))
    .setProtectedHeader({ alg: 'HS256', crit: ['urn:x'], 'urn:x': 1 }).sign(bytes(key), { crit: { 'urn:x': true } });
  const lines = [
    [good, 'accepted'],
    [good, 'replayed'],
    [await sign(line(1), 'another key that is long enough for it'), 'mismatch'],
    [`${header}.${payload}.${signature}`, 'mismatch'],
    [new UnsecuredJWT(line(1)).encode(), 'noSignature'],
    [critical, 'badForm'],
    [await sign(line(-40_000), key), 'stale'],
    [await sign(line(40_000), key), 'early'],
    [JSON.stringify(line(3)), 'notSigned'],
    [await sign(line(5000), key), 'accepted'],
  ];
  assert.deepEqual(await counted(`${key}\n`, lines.map(([text]) => text)), lines.map(([, end]) => end));
});

test('a public key for a key opens nothing to who has the private one', async () => {
  const { publicKey, privateKey } = await generateKeyPair('RS256');
  const pem = await exportSPKI(publicKey);
  const rs256 = await new SignJWT(line()).setProtectedHeader({ alg: 'RS256' }).sign(privateKey);
  const relabelled = (await sign(line(), pem)).replace(/^[^.]*/, Buffer.from('{"alg":"RS256"}').toString('base64url'));
  assert.deepEqual(await counted(pem, [rs256, relabelled]), ['otherAlgorithm', 'mismatch']);
});
