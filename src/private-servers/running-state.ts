/** The state file by which other processes find a running instance. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Announcement } from './guardian-protocol.ts';
import { isAlive } from './process-identity.ts';

/** Holds passwords: readable by its owner only. */
export interface RunningState extends Announcement {
  readonly guardianPid: number;
  /** Tells the guardian from a later process with the same number. */
  readonly guardianIdentity: string;
  readonly startedAt: string;
  /** Process number by name; null for one that has ended. */
  readonly processes: Readonly<Record<string, number | null>>;
}

const STATE_NAME = 'running.json';

export function writeRunningState(directory: string, state: RunningState): void {
  const path = join(directory, STATE_NAME);
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeRunningState(directory: string): void {
  rmSync(join(directory, STATE_NAME), { force: true });
}

/** Null when there is no file, or only one that a killed guardian left behind. */
export function readRunningState(directory: string): RunningState | null {
  let state: RunningState;
  try {
    state = JSON.parse(readFileSync(join(directory, STATE_NAME), 'utf8')) as RunningState;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  return isAlive(state.guardianPid, state.guardianIdentity) ? state : null;
}
