import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { processTree } from '../../src/private-servers/process-identity.ts';
import type { UserIds } from '../../src/private-servers/process-spec.ts';
import { eventually } from '../support/eventually.ts';
import { nodeFor } from '../support/node-for.ts';
import { startServersChild, stillRunning } from './servers-child.ts';

const isRoot = process.getuid?.() === 0;
let parent: string;

beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'pulse-test-'));
});
afterAll(() => {
  rmSync(parent, { recursive: true, force: true });
});

test('an ordinary user gets private servers', async () => {
  const user = isRoot ? nobody() : undefined;
  const home = join(parent, 'home');
  mkdirSync(home);
  if (user !== undefined) chownSync(home, user.uid, user.gid);
  const directory = join(home, 'servers');
  const child = await startServersChild({
    directory,
    afterwards: 'setInterval(() => undefined, 1000);',
    ...(user === undefined ? {} : { user, ...readableCopy(user) }),
  });
  const client = new Client({ connectionString: child.env.DATABASE_URL });
  await client.connect();
  await client.end();
  const expected = user?.uid ?? process.getuid?.();
  expect(statSync(join(directory, 'redis', 'redis.conf')).uid).toBe(expected);
  expect(statSync(join(directory, 'postgres', 'cluster')).uid).toBe(expected);
  child.process.kill('SIGKILL');
  await eventually(() => stillRunning(child.pids)).toEqual([]);
});

test('a directory that only its owner can enter works, even for root', async () => {
  const closed = join(parent, 'closed');
  mkdirSync(closed);
  chmodSync(closed, 0o700);
  const child = await startServersChild({
    directory: join(closed, 'servers'),
    afterwards: `process.once('SIGTERM', () => void servers.stop());
      const timer = setInterval(() => undefined, 1000);
      process.once('SIGTERM', () => clearInterval(timer));`,
  });
  const client = new Client({ connectionString: child.env.DATABASE_URL });
  await client.connect();
  const { rows } = await client.query<{ place: string }>(
    `SELECT current_setting('data_directory') AS place`,
  );
  await client.end();
  const place = rows[0]!.place;
  expect(place.startsWith(closed)).toBe(!isRoot);
  expect(processTree(child.guardianPid).length).toBeGreaterThan(5);
  child.process.kill('SIGTERM');
  await eventually(() => stillRunning(child.pids)).toEqual([]);
  await eventually(() => statSync(place, { throwIfNoEntry: false })).toBeUndefined();
});

function nobody(): UserIds {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'nobody'])));
  return { uid: uid!, gid: gid! };
}

/** Copies the code, and Node.js if needed, because that user may not be able to read the checkout. */
function readableCopy(user: UserIds): { dist: string; execPath: string } {
  chmodSync(parent, 0o755);
  const dist = join(parent, 'dist');
  cpSync('dist', dist, { recursive: true });
  // These are loaded before the command switches to that user.
  symlinkSync(join(process.cwd(), 'node_modules'), join(parent, 'node_modules'));
  copyFileSync('package.json', join(parent, 'package.json'));
  return { dist, execPath: nodeFor(user, parent) };
}
