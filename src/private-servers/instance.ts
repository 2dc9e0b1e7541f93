/**
 * The instance that keeps its files: used by `pulse services up|down|status|env`, and by every command when no
 * server URLs are set.
 *
 * - `up` leaves a guardian running after the command; `down` ends it. Queues, sums and rows survive.
 * - attached: the servers end with the command that started them, or with the last long-running command that uses
 *   them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { resolve } from 'node:path';
import { FatalError } from '../core/errors.ts';
import { lockHolder } from './directory-lock.ts';
import { DirectoryTakenError } from './guardian-client.ts';
import type { ServersEnv } from './guardian-protocol.ts';
import { registerGuest } from './guests.ts';
import { launchServers, type Launched, type LaunchOptions } from './launch-servers.ts';
import { signalOne, whenGone } from './process-ending.ts';
import { readRunningState, type RunningState } from './running-state.ts';
import { silentServers } from './server-answers.ts';
import { ensureWritableFolder } from './writable-folder.ts';

/** Where the instance keeps its files, relative to the working directory. */
export const INSTANCE_DIRECTORY = '.pulse/services';

export type InstanceOptions = Omit<LaunchOptions, 'keepFiles'>;

export interface AttachedInstance {
  readonly env: ServersEnv;
  /** False: the servers were already running. */
  readonly isOwner: boolean;
  /** The servers stop if no other command uses them. */
  stop(): Promise<void>;
}

const STARTING_TIMEOUT_MS = 150_000;
const REVIVAL_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** The instance that runs in `directory`; null when there is none. Starts nothing. */
export function findRunningInstance(directory: string): RunningState | null {
  return readRunningState(resolve(directory));
}

/**
 * Starts the instance, or what has ended of it, and leaves it running.
 *
 * @returns `started`: whether anything had to be started.
 * @throws RejectedError PULSE_SERVICES_MISSING; FatalError PULSE_SERVICES_FAILED.
 */
export async function upInstance(
  options: InstanceOptions,
): Promise<{ readonly state: RunningState; readonly started: boolean }> {
  const directory = resolve(options.directory);
  ensureWritableFolder(directory);
  for (;;) {
    const launched = await launchUnlessRunning({ ...options, directory });
    if ('running' in launched) {
      const revived = await revive(directory, launched.running, options.onProgress);
      if (revived !== null) return revived;
      continue;
    }
    const { guardian, env } = launched;
    await guardian.release(env);
    return { state: await waitForRelease(directory), started: true };
  }
}

/**
 * Uses the running instance, or starts one. It ends with this process, or later with the last process that uses it,
 * unless `up` left it running.
 */
export async function attachInstance(options: InstanceOptions): Promise<AttachedInstance> {
  const directory = resolve(options.directory);
  const { onProgress = () => undefined } = options;
  ensureWritableFolder(directory);
  for (;;) {
    const launched = await launchUnlessRunning({ ...options, directory });
    if (!('running' in launched)) return ownInstance(launched, onProgress);
    const leave = registerGuest(directory);
    try {
      // Read again: only what is announced after the registration stays for this guest.
      const state = await waitForInstance(directory);
      const revived = state === null ? null : await revive(directory, state, onProgress);
      if (revived !== null) return guestInstance(revived.state.env, leave);
    } catch (error) {
      leave();
      throw error;
    }
    leave();
  }
}

async function ownInstance(
  { guardian, env }: Launched,
  onProgress: (line: string) => void,
): Promise<AttachedInstance> {
  await guardian.send({ kind: 'announce', announcement: { env, attachedTo: process.pid } });
  return {
    env,
    isOwner: true,
    async stop() {
      if (await guardian.leave()) {
        onProgress(
          'The private servers keep running, because other commands in this folder use them.',
        );
      }
    },
  };
}

function guestInstance(env: ServersEnv, leave: () => void): AttachedInstance {
  return {
    env,
    isOwner: false,
    stop() {
      leave();
      return Promise.resolve();
    },
  };
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
  if (state === null) return { outcome: 'not_running' };
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
async function launchUnlessRunning(
  options: InstanceOptions,
): Promise<Launched | { readonly running: RunningState }> {
  const { directory } = options;
  for (;;) {
    const running = await waitForInstance(directory);
    if (running !== null) return { running };
    try {
      return await launchServers({ ...options, keepFiles: true });
    } catch (error) {
      if (!(error instanceof DirectoryTakenError)) throw error;
    }
  }
}

/** Waits while a guardian holds the directory but does not announce servers. @returns Null when there is none. */
async function waitForInstance(directory: string): Promise<RunningState | null> {
  const deadline = Date.now() + STARTING_TIMEOUT_MS;
  for (;;) {
    // In this order, because a guardian announces before it lets go of the lock.
    const holder = lockHolder(directory);
    const state = readRunningState(directory);
    if (state !== null) return state;
    if (holder === null) return null;
    if (Date.now() > deadline) {
      throw failure(
        `Process ${holder.pid} does not finish starting private servers in ${directory}.`,
      );
    }
    await delay(POLL_MS);
  }
}

/** The guardian has just been told to announce the instance. */
async function waitForRelease(directory: string): Promise<RunningState> {
  const state = await waitForInstance(directory);
  if (state === null) throw failure(`The private servers in ${directory} ended at once.`);
  return state;
}

/**
 * Has servers of a running instance started again if they do not answer, and waits until they do.
 *
 * @returns Null when the instance ended meanwhile.
 * @throws FatalError PULSE_SERVICES_FAILED when a server is given up again, or does not answer in time.
 */
async function revive(
  directory: string,
  found: RunningState,
  onProgress: (line: string) => void = () => undefined,
): Promise<{ readonly state: RunningState; readonly started: boolean } | null> {
  let silent = await silentServers(found.env);
  if (silent.length === 0) return { state: found, started: false };
  onProgress(`Not answering: ${silent.join(', ')}. Starting what has ended …`);
  signalOne(found.guardianPid, 'SIGUSR2');
  const deadline = Date.now() + REVIVAL_TIMEOUT_MS;
  for (;;) {
    const state = readRunningState(directory);
    if (state === null) return null;
    silent = await silentServers(state.env);
    // The state may be older than the answers.
    const isRevived = silent.length === 0 && Object.keys(state.abandoned).length === 0;
    if (isRevived) return { state, started: true };
    const abandoned = Object.entries(state.abandoned)
      // What was there before the signal may not have been withdrawn yet.
      .filter(([name, sentence]) => found.abandoned[name] !== sentence)
      .map(([, sentence]) => sentence);
    if (abandoned.length > 0) throw failure(abandoned.join('\n'));
    if (Date.now() > deadline) {
      throw failure(
        `No answer from ${silent.join(', ')}. See the logs in ${directory}; ` +
          '`pulse services down` and `pulse services up` start all servers again.',
      );
    }
    await delay(POLL_MS);
  }
}

function failure(sentence: string): FatalError {
  return new FatalError('PULSE_SERVICES_FAILED', sentence);
}
