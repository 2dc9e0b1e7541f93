/** Signals and removal for a server in a container, which only its engine can reach. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ContainerSpec } from './process-spec.ts';

const run = promisify(execFile);
const TIMEOUT_MS = 30_000;

export async function signalContainer(
  { program, containerName }: ContainerSpec,
  signal: NodeJS.Signals,
): Promise<void> {
  await run(program, ['kill', '--signal', signal, containerName], { timeout: TIMEOUT_MS });
}

/** Removes the container if it is there, running or not. */
export async function removeContainer({ program, containerName }: ContainerSpec): Promise<void> {
  await quietly(program, ['rm', '--force', '--volumes', containerName]);
}

export async function removeVolume({ program, volumeName }: ContainerSpec): Promise<void> {
  await quietly(program, ['volume', 'rm', '--force', volumeName]);
}

/** Clean-up of what may be gone already: the engine's complaint helps nobody. */
async function quietly(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { timeout: TIMEOUT_MS }).catch(() => undefined);
}
