/** One guardian per directory: a lock that a dead holder never keeps. */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, processIdentity } from './process-identity.ts';

export interface LockHolder {
  readonly pid: number;
  readonly identity: string;
}

const LOCK_NAME = 'guardian.lock';

/** Takes the lock for this process. @returns null when it is ours now, else who has it. */
export function takeLock(directory: string): LockHolder | null {
  const path = join(directory, LOCK_NAME);
  const mine = `${path}.${randomUUID()}`;
  const holder: LockHolder = { pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  writeFileSync(mine, JSON.stringify(holder), { mode: 0o600 });
  try {
    for (;;) {
      if (tryLink(mine, path)) return null;
      const other = readHolder(path);
      if (other !== null && isAlive(other.pid, other.identity)) return other;
      discardStale(path, other);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Gives the lock back; the caller must hold it. */
export function releaseLock(directory: string): void {
  rmSync(join(directory, LOCK_NAME), { force: true });
}

/** Who guards the directory at this moment; null when nobody does. */
export function lockHolder(directory: string): LockHolder | null {
  const holder = readHolder(join(directory, LOCK_NAME));
  return holder !== null && isAlive(holder.pid, holder.identity) ? holder : null;
}

/**
 * Moves a dead holder's lock away. Two processes may find the same dead one: the slower would move the
 * faster one's fresh lock, so whatever was moved is looked at again and put back if it is not the dead one.
 */
function discardStale(path: string, dead: LockHolder | null): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  const moved = readHolder(aside);
  if (moved !== null && moved.identity !== dead?.identity) tryLink(aside, path);
  rmSync(aside, { force: true });
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function readHolder(path: string): LockHolder | null {
  try {
    const { pid, identity } = JSON.parse(readFileSync(path, 'utf8')) as Partial<LockHolder>;
    return typeof pid === 'number' && typeof identity === 'string' ? { pid, identity } : null;
  } catch (error) {
    if (isCode(error, 'ENOENT') || error instanceof SyntaxError) return null;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
