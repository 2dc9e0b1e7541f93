/** Reliably ends processes and everything they started. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../core/errors.ts';
import { processIdentity, processTree } from './process-identity.ts';

const POLL_MS = 10;

/** Sends `signal` to the process and all its descendants. @returns Their pids. */
export function signalTree(pid: number, signal: NodeJS.Signals): number[] {
  const tree = processTree(pid);
  for (const member of tree) signalOne(member, signal);
  return tree;
}

/** Sends `signal`; ignores a process that has already ended. */
export function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Waits until none of the processes runs. @returns Whether that happened within `boundMs`. */
export async function whenGone(pids: readonly number[], boundMs: number): Promise<boolean> {
  const deadline = Date.now() + boundMs;
  while (pids.some((pid) => processIdentity(pid) !== null)) {
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
  return true;
}

/**
 * Ends a process with `signal`, or with SIGKILL if that takes longer than `boundMs`.
 *
 * Its descendants get the same time, because some servers have helpers that exit on their own.
 */
export async function endTree(pid: number, signal: NodeJS.Signals, boundMs: number): Promise<void> {
  // A stopped process reacts only to SIGKILL.
  signalTree(pid, 'SIGCONT');
  const tree = processTree(pid);
  if (signal === 'SIGKILL') signalTree(pid, signal);
  else signalOne(pid, signal);
  if (await whenGone(tree, boundMs)) return;
  for (const member of [...processTree(pid), ...tree]) {
    if (processIdentity(member) !== null) signalOne(member, 'SIGKILL');
  }
  await whenGone(tree, boundMs);
}

/** Removes a directory, retrying in case its last processes are still writing a file. */
export function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}
