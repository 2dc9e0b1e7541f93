import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { storedCredentials } from '../../src/cli/servers.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';

test('the credentials of private servers are random, kept, and readable by their owner only', () => {
  const directory = join(temporaryDirectory(), 'instance');
  const first = storedCredentials(directory);
  expect(storedCredentials(directory)).toEqual(first);
  expect(first.jwtSecret).toMatch(/^[0-9a-f]{64}$/);
  expect(first.adminPassword).toMatch(/^[0-9a-f]{24}$/);
  expect(first.secretKeys).toHaveLength(1);
  expect(first.secretKeys[0]?.key).toHaveLength(32);
  const modes = readdirSync(directory).map((name) => statSync(join(directory, name)).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600]);

  const other = storedCredentials(join(temporaryDirectory(), 'instance'));
  expect(other.jwtSecret).not.toBe(first.jwtSecret);
  expect(other.secretKeys[0]?.key).not.toEqual(first.secretKeys[0]?.key);
});

test('a folder of a version without webhooks gets a key and keeps its credentials', () => {
  const directory = temporaryDirectory();
  const old = { jwtSecret: 'j'.repeat(64), adminPassword: 'p'.repeat(24) };
  writeFileSync(join(directory, 'api-credentials.json'), JSON.stringify(old));
  const upgraded = storedCredentials(directory);
  expect(upgraded).toMatchObject(old);
  expect(upgraded.secretKeys).toHaveLength(1);
  expect(storedCredentials(directory)).toEqual(upgraded);
});
