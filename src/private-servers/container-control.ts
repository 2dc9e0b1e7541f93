/** Signals and removes containers, which only their engine can reach. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ContainerSpec } from './process-spec.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 30_000;

export async function signalContainer(
  { program, name }: ContainerSpec,
  signal: NodeJS.Signals,
): Promise<void> {
  await run(program, ['kill', '--signal', signal, name], { timeout: TIMEOUT_MS });
}

/** Removes the container, running or not, if it exists. */
export async function removeContainer({ program, name }: ContainerSpec): Promise<void> {
  await quietly(program, ['rm', '--force', '--volumes', name]);
}

export async function removeVolume({ program, name }: ContainerSpec): Promise<void> {
  await quietly(program, ['volume', 'rm', '--force', name]);
}

/** Ignores errors: what is to be removed may already be gone. */
async function quietly(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { timeout: TIMEOUT_MS }).catch(() => undefined);
}
