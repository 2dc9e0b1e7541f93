/**
 * The instance that keeps its files: used by `pulse services up|down|status|env`, and by every command when no
 * server URLs are set.
 *
 * - `up` leaves a guardian running after the command; `down` ends it. Queues, sums and rows survive.
 * - attached: the servers end with the command that started them; until then, other commands can use them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { resolve } from 'node:path';
import { FatalError } from '../core/errors.ts';
import { lockHolder } from './directory-lock.ts';
import { DirectoryTakenError } from './guardian-client.ts';
import type { ServersEnv } from './guardian-protocol.ts';
import { launchServers, type LaunchOptions } from './launch-servers.ts';
import { signalOne, whenGone } from './process-ending.ts';
import { readRunningState, type RunningState } from './running-state.ts';

/** Where the instance keeps its files, relative to the working directory. */
export const INSTANCE_DIRECTORY = '.pulse/services';

export type InstanceOptions = Omit<LaunchOptions, 'keepFiles'>;

export interface AttachedInstance {
  readonly env: ServersEnv;
  /** False: the servers were already running, and `stop` does not stop them. */
  readonly isOwner: boolean;
  stop(): Promise<void>;
}

const STARTING_TIMEOUT_MS = 150_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** The instance that runs in `directory`; null when there is none. Starts nothing. */
export function findRunningInstance(directory: string): RunningState | null {
  return readRunningState(resolve(directory));
}

/**
 * Starts the instance, unless it already runs, and leaves it running.
 *
 * @throws RejectedError PULSE_SERVICES_MISSING; FatalError PULSE_SERVICES_FAILED.
 */
export async function upInstance(
  options: InstanceOptions,
): Promise<{ readonly state: RunningState; readonly started: boolean }> {
  const directory = resolve(options.directory);
  const launched = await launchUnlessRunning({ ...options, directory });
  if ('running' in launched) return { state: launched.running, started: false };
  const { guardian, env } = launched;
  await guardian.release(env);
  return { state: await waitForInstance(directory), started: true };
}

/** Uses the running instance, or starts one that ends with this process. */
export async function attachInstance(options: InstanceOptions): Promise<AttachedInstance> {
  const directory = resolve(options.directory);
  const launched = await launchUnlessRunning({ ...options, directory });
  if ('running' in launched) {
    return { env: launched.running.env, isOwner: false, stop: () => Promise.resolve() };
  }
  const { guardian, env } = launched;
  await guardian.send({ kind: 'announce', announcement: { env, attachedTo: process.pid } });
  return { env, isOwner: true, stop: () => guardian.stop() };
}

/**
 * Stops the instance that `up` left running; keeps its files.
 *
 * @returns `attached` when the servers belong to a running command, which must be stopped instead.
 * @throws FatalError PULSE_SERVICES_FAILED when it does not stop within a minute.
 */
export async function downInstance(
  directory: string,
): Promise<
  | { readonly outcome: 'stopped' | 'not_running' }
  | { readonly outcome: 'attached'; readonly ownerPid: number }
> {
  const path = resolve(directory);
  if (lockHolder(path) === null) return { outcome: 'not_running' };
  const state = await waitForInstance(path);
  if (state.attachedTo !== null) return { outcome: 'attached', ownerPid: state.attachedTo };
  signalOne(state.guardianPid, 'SIGTERM');
  if (!(await whenGone([state.guardianPid], STOP_TIMEOUT_MS))) {
    throw new FatalError(
      'PULSE_SERVICES_FAILED',
      `The private servers in ${path} (process ${state.guardianPid}) did not stop.`,
    );
  }
  return { outcome: 'stopped' };
}

/** Two commands may start at the same time: one launches the servers, the other waits for them. */
async function launchUnlessRunning(options: InstanceOptions) {
  const { directory } = options;
  const running = readRunningState(directory);
  if (running !== null) return { running };
  try {
    return await launchServers({ ...options, keepFiles: true });
  } catch (error) {
    if (!(error instanceof DirectoryTakenError)) throw error;
    return { running: await waitForInstance(directory) };
  }
}

/** Waits while a guardian holds the directory but its servers are still starting. */
async function waitForInstance(directory: string): Promise<RunningState> {
  const deadline = Date.now() + STARTING_TIMEOUT_MS;
  for (;;) {
    const state = readRunningState(directory);
    if (state !== null) return state;
    if (lockHolder(directory) === null || Date.now() > deadline) {
      throw new FatalError(
        'PULSE_SERVICES_FAILED',
        `Another command failed to start the private servers in ${directory}.`,
      );
    }
    await delay(POLL_MS);
  }
}
