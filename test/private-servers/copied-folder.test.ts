import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, releaseLock, takeLock } from '../../src/private-servers/directory-lock.ts';
import { liveGuests, registerGuest } from '../../src/private-servers/guests.ts';
import { loadSettings } from '../../src/private-servers/instance-settings.ts';
import { preparePostgresPlace } from '../../src/private-servers/postgres-place.ts';

let parent: string;
let original: string;
let copy: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'pulse-test-'));
  chmodSync(parent, 0o755);
  [original, copy] = [join(parent, 'original'), join(parent, 'copy')];
  mkdirSync(original);
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

function copyFolder(from = original, to = copy): void {
  execFileSync('cp', ['-a', from, to]);
}

test('a copied lock is no lock', () => {
  expect(takeLock(original)).toBeNull();
  copyFolder();
  expect(lockHolder(copy)).toBeNull();
  expect(takeLock(copy)).toBeNull();
  expect(readdirSync(copy)).toEqual(['guardian.lock']);
  releaseLock(copy);
  expect(lockHolder(original)?.pid).toBe(process.pid);
});

test('the guests of a copied folder are none of its own', () => {
  const leave = registerGuest(original);
  copyFolder();
  expect(liveGuests(original)).toEqual([process.pid]);
  expect(liveGuests(copy)).toEqual([]);
  leave();
});

test('a copied folder gets a new id and keeps its passwords; one that was moved or restored keeps both', () => {
  const { id, passwords } = loadSettings(original);
  expect(loadSettings(original).id).toBe(id);
  copyFolder();
  const origins: string[] = [];
  const copied = loadSettings(copy, (origin) => origins.push(origin));
  expect(origins).toEqual([realpathSync(original)]);
  expect(copied.id).not.toBe(id);
  expect(copied.passwords).toEqual(passwords);
  expect(loadSettings(copy).id).toBe(copied.id);

  const moved = join(parent, 'moved');
  renameSync(original, moved);
  expect(loadSettings(moved).id).toBe(id);
  copyFolder(moved, original);
  rmSync(moved, { recursive: true });
  expect(loadSettings(original).id).toBe(id);
});

test('a link to Postgres files that another folder owns is refused, with the command that copies them', async () => {
  const place = join(parent, 'the place');
  mkdirSync(place, { mode: 0o700 });
  writeFileSync(join(place, 'data'), 'kept');
  // As root, Postgres runs as another user.
  if (process.getuid?.() === 0) chownSync(place, 65_534, 65_534);
  symlinkSync(place, join(original, 'postgres'));
  const prepare = (directory: string) =>
    preparePostgresPlace({ directory, keepFiles: true, adopt: () => Promise.resolve() });
  await prepare(original);
  await prepare(original);
  copyFolder();
  const refusal = await prepare(copy).then(
    () => '',
    (error: unknown) => String(error),
  );
  expect(refusal).toContain(`${copy} is a copy of ${realpathSync(original)}`);

  execFileSync('sh', ['-c', refusal.split('\n').at(-1)!]);
  const { directory } = await prepare(copy);
  expect(realpathSync(join(copy, 'postgres'))).not.toBe(realpathSync(place));
  expect(readdirSync(realpathSync(directory))).toContain('data');
  await prepare(original);

  // Whoever is left may have them.
  const other = join(parent, 'other');
  copyFolder(original, other);
  rmSync(original, { recursive: true });
  await prepare(other);
});
