import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

const [FIRST, SECOND] = [randomBytes(32), randomBytes(32)];
const KEYS = `b:${SECOND.toString('base64')},a:${FIRST.toString('base64')}`;

test('webhooks go to public addresses only, and there is no key, unless the environment says so', () => {
  expect(parseConfig({}).delivery).toEqual({
    secretKeys: [],
    allowPrivate: false,
    allowedRanges: [],
  });
  const config = parseConfig({
    WEBHOOK_SECRET_KEYS: KEYS,
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_ALLOWED_RANGES: '10.0.0.0/8, fd00::/8,192.0.2.1',
  });
  expect(config.delivery).toEqual({
    secretKeys: [
      { id: 'b', key: SECOND },
      { id: 'a', key: FIRST },
    ],
    allowPrivate: true,
    allowedRanges: ['10.0.0.0/8', 'fd00::/8', '192.0.2.1'],
  });
});

test('the keys are secrets: they may come from a file, and are never logged or printed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pulse-config-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, 'keys');
  writeFileSync(path, `${KEYS}\n`);
  const { delivery, secrets } = parseConfig({ WEBHOOK_SECRET_KEYS_FILE: path });
  expect(delivery.secretKeys.map(({ id }) => id)).toEqual(['b', 'a']);
  expect(secrets).toEqual(
    expect.arrayContaining([FIRST, SECOND].map((key) => key.toString('base64'))),
  );
  expect(parseConfig({}).secrets).toEqual([]);

  const short = SECOND.toString('base64').slice(0, 40);
  const parse = () => parseConfig({ WEBHOOK_SECRET_KEYS: `a:${short}` });
  expect(parse).toThrow('WEBHOOK_SECRET_KEYS: must give the key "a" as 32 bytes in base64;');
  expect(parse).not.toThrow(short);
});

test.each(['WEBHOOK_ALLOWED_RANGES', 'TRUST_PROXY'])('%s are addresses or CIDR ranges', (name) => {
  for (const value of [
    '10.0.0.1',
    '0.0.0.0/0',
    '10.0.0.0/32',
    '::1',
    '::/0',
    'fd00::/128',
    'a::, b::',
  ]) {
    expect(() => parseConfig({ [name]: value }), value).not.toThrow();
  }
  for (const value of [
    ...['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0', '10', '0x0a.0.0.1'],
    ...['fd00::/129', 'fe80::1%eth0', 'localhost', 'hooks.example.com', ',', '10.0.0.1,', '/8'],
  ]) {
    expect(() => parseConfig({ [name]: value }), value).toThrow(`${name}: must be addresses or`);
  }
});
