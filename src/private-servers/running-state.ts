/** The state file by which other processes find a running instance. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Announcement } from './guardian-protocol.ts';
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

const STATE_NAME = 'running.json';

export function writeRunningState(directory: string, state: RunningState): void {
  replaceJsonFile(join(directory, STATE_NAME), state);
}

export function removeRunningState(directory: string): void {
  rmSync(join(directory, STATE_NAME), { force: true });
}

/** Null when there is no file, or only one left by a killed guardian. */
export function readRunningState(directory: string): RunningState | null {
  const state = readJsonFile(join(directory, STATE_NAME)) as RunningState | null;
  if (state === null || !isAlive(state.guardianPid, state.guardianIdentity)) return null;
  // A guardian of an earlier version does not write all members.
  return { ...{ abandoned: {} }, ...state };
}
