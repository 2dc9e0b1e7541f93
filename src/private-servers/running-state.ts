/** The state file by which other processes find a running instance. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Announcement } from './guardian-protocol.ts';
import { folderIdentity } from './folder-identity.ts';
import { readJsonFile, replaceJsonFile } from './json-file.ts';
import { isAlive } from './process-identity.ts';

export interface RunningState extends Announcement {
  readonly guardianPid: number;
  /** Distinguishes the guardian from a later process with the same pid. */
  readonly guardianIdentity: string;
  readonly startedAt: string;
  /** Pid by process name; null for one that has ended. */
  readonly processes: Readonly<Record<string, number | null>>;
  /** By process name: why a process that has ended is not started again, in one sentence. */
  readonly abandoned: Readonly<Record<string, string>>;
}

/** A copied folder has a copy of the file. Absent: written by an earlier version. */
type StoredState = RunningState & { readonly folder?: string | null };

const STATE_NAME = 'running.json';

export function writeRunningState(directory: string, state: RunningState): void {
  const stored: StoredState = { ...state, folder: folderIdentity(directory) };
  replaceJsonFile(join(directory, STATE_NAME), stored);
}

/** Removes what this guardian wrote; leaves the file of another one in a new folder of that name. */
export function removeRunningState(directory: string): void {
  if (readRunningState(directory)?.guardianPid !== process.pid) return;
  rmSync(join(directory, STATE_NAME), { force: true });
}

/** Null when there is no file, or only one left by a killed guardian or copied from another folder. */
export function readRunningState(directory: string): RunningState | null {
  const stored = readJsonFile(join(directory, STATE_NAME)) as StoredState | null;
  if (stored === null || !isAlive(stored.guardianPid, stored.guardianIdentity)) return null;
  const { folder, ...state } = stored;
  if (folder !== undefined && folder !== folderIdentity(directory)) return null;
  // A guardian of an earlier version does not write all members.
  return { ...{ abandoned: {} }, ...state };
}
