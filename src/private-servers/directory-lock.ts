/** Ensures one guardian per directory, with a lock that a dead holder does not keep. */
import { randomUUID } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../core/errors.ts';
import { folderIdentity } from './folder-identity.ts';
import { readJsonFile } from './json-file.ts';
import { linkFile } from './link-file.ts';
import { isAlive, processIdentity } from './process-identity.ts';

export interface LockHolder {
  readonly pid: number;
  readonly identity: string;
  /** A copied folder has a copy of the lock. Absent: taken by an earlier version. */
  readonly folder?: string;
}

const LOCK_NAME = 'guardian.lock';

/** Takes the lock for this process. @returns null on success, otherwise the current holder. */
export function takeLock(directory: string): LockHolder | null {
  const path = join(directory, LOCK_NAME);
  const mine = `${path}.${randomUUID()}`;
  const holder: LockHolder = {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? '',
    folder: folderIdentity(directory) ?? '',
  };
  try {
    writeFileSync(mine, JSON.stringify(holder), { mode: 0o600 });
    for (;;) {
      if (linkFile(mine, path)) return null;
      const other = readHolder(path);
      if (other !== null && holds(directory, other)) return other;
      discardStale(path, other);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Releases this process's lock; leaves one that another process has taken in a new folder of that name. */
export function releaseLock(directory: string): void {
  if (lockHolder(directory)?.pid !== process.pid) return;
  rmSync(join(directory, LOCK_NAME), { force: true });
}

/** The current holder of the lock; null if there is none. */
export function lockHolder(directory: string): LockHolder | null {
  const holder = readHolder(join(directory, LOCK_NAME));
  return holder !== null && holds(directory, holder) ? holder : null;
}

function holds(directory: string, { pid, identity, folder }: LockHolder): boolean {
  if (folder !== undefined && folder !== folderIdentity(directory)) return false;
  return isAlive(pid, identity);
}

/**
 * Removes a dead holder's lock. Two processes may do this at the same time, and the slower one may catch the
 * faster one's new lock. So it moves the file aside first, checks it, and puts it back if it is a new one.
 */
function discardStale(path: string, dead: LockHolder | null): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readHolder(aside);
  if (moved !== null && moved.identity !== dead?.identity) linkFile(aside, path);
  rmSync(aside, { force: true });
}

function readHolder(path: string): LockHolder | null {
  const { pid, identity, folder } = (readJsonFile(path) ?? {}) as Partial<LockHolder>;
  if (typeof pid !== 'number' || typeof identity !== 'string') return null;
  return folder === undefined ? { pid, identity } : { pid, identity, folder };
}
