/**
 * Commands that use servers which another command started.
 *
 * Each registers in a file that names its process, so that a killed guest does not count. A guest that registers and
 * then finds the instance announced may rely on it: the guardian first withdraws the announcement, then looks for
 * guests, and only without guests stops the servers.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { folderIdentity } from './folder-identity.ts';
import { readJsonFile, replaceJsonFile } from './json-file.ts';
import { isAlive, processIdentity } from './process-identity.ts';

const GUESTS_NAME = 'guests';

/** Registers this process. @returns How to leave. */
export function registerGuest(directory: string): () => void {
  const guests = join(directory, GUESTS_NAME);
  mkdirSync(guests, { recursive: true, mode: 0o700 });
  const path = join(guests, `${process.pid}.json`);
  const guest: Guest = {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? '',
    folder: folderIdentity(directory) ?? '',
  };
  replaceJsonFile(path, guest);
  return () => {
    rmSync(path, { force: true });
  };
}

/** The pids of the guests that run. Forgets those that do not. */
export function liveGuests(directory: string): number[] {
  const guests = join(directory, GUESTS_NAME);
  const here = folderIdentity(directory);
  return namesIn(guests).flatMap((name) => {
    const path = join(guests, name);
    const { pid = 0, identity = '', folder = here } = (readJsonFile(path) ?? {}) as Partial<Guest>;
    if (folder === here && isAlive(pid, identity)) return [pid];
    // One that is being written has no such name yet.
    rmSync(path, { force: true });
    return [];
  });
}

interface Guest {
  readonly pid: number;
  readonly identity: string;
  /** A copied folder has copies of its guests' files. Absent: written by an earlier version. */
  readonly folder?: string;
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path).filter((name) => name.endsWith('.json'));
  } catch {
    // There has never been a guest.
    return [];
  }
}
