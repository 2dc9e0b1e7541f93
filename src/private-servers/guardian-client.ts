/** The parent's side of a guardian. */
import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FatalError } from '../core/errors.ts';
import { builtFileUrl } from '../platform/built-file.ts';
import { toFileFailure } from './file-failure.ts';
import { removeTree } from './process-ending.ts';
import type {
  GuardianOptions,
  GuardianOrder,
  GuardianReport,
  ServersEnv,
} from './guardian-protocol.ts';

export type Order = WithoutId<GuardianOrder>;
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

export interface Guardian {
  readonly pid: number;
  isAlive(): boolean;
  /** @throws FatalError PULSE_SERVICES_FAILED when the guardian fails to do it or is gone. */
  send(order: Order): Promise<void>;
  /** Calls `listener` whenever the process of that name ends. @returns A function that stops listening. */
  onExit(name: string, listener: (outcome: string) => void): () => void;
  /** Stops the servers and the guardian; resolves when all are gone. Safe to call again. */
  stop(): Promise<void>;
  /** Does the same, unless guests use the servers. @returns Whether they keep running. Safe to call again. */
  leave(): Promise<boolean>;
  /** Leaves the guardian and its servers running for other processes. */
  release(env: ServersEnv): Promise<void>;
}

/** The directory already has a guardian. */
export class DirectoryTakenError extends FatalError {
  constructor(directory: string, holderPid: number) {
    super(
      'PULSE_SERVICES_FAILED',
      `Process ${holderPid} already runs private servers in ${directory}.`,
    );
  }
}

const STOP_BOUND_MS = 60_000;

/**
 * Starts a guardian for an existing directory, in a separate session that a terminal's signals do not reach.
 *
 * @param onNotice Gets a sentence when a server has ended and what happens next.
 * @throws DirectoryTakenError, FatalError PULSE_SERVICES_FAILED
 */
export async function startGuardian(
  options: GuardianOptions,
  onNotice: (sentence: string) => void = () => undefined,
): Promise<Guardian> {
  const logFile = join(options.directory, 'guardian.log');
  const log = openLog(logFile);
  const path = fileURLToPath(builtFileUrl(import.meta.url, './guardian.js'));
  const child = fork(path, [JSON.stringify(options)], {
    cwd: '/',
    detached: true,
    execArgv: [],
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  child.on('message', (report: GuardianReport) => {
    if (report.kind === 'notice') onNotice(report.sentence);
  });
  const client = createClient(child, options);
  await new Promise<void>((resolve, reject) => {
    const fail = () => {
      reject(
        new FatalError(
          'PULSE_SERVICES_FAILED',
          `The guardian process of the private servers did not start. See ${logFile}.`,
        ),
      );
    };
    // It stays: later errors, such as of a signal, are no reason to end the parent.
    child.on('error', fail).once('exit', fail);
    child.once('message', (report: GuardianReport) => {
      child.off('exit', fail);
      if (report.kind === 'taken') {
        reject(new DirectoryTakenError(options.directory, report.holderPid));
      } else if (report.kind === 'unable') {
        reject(new FatalError('PULSE_SERVICES_FAILED', report.reason));
      } else resolve();
    });
  });
  // These must not keep the parent alive. The guardian notices when it ends.
  child.unref();
  child.channel?.unref();
  return client;
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw toFileFailure(error, path);
  }
}

function createClient(child: ChildProcess, options: GuardianOptions): Guardian {
  const places = [options.directory];
  const waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const listeners = new Set<{ name: string; listener: (outcome: string) => void }>();
  let lastId = 0;
  let hasLeft = false;

  child.on('message', (report: GuardianReport) => {
    if (report.kind === 'exited') {
      for (const { name, listener } of listeners)
        if (name === report.name) listener(report.outcome);
    } else if (report.kind === 'done' || report.kind === 'failed') {
      const { id } = report;
      if (report.kind === 'done') waiting.get(id)?.resolve();
      else waiting.get(id)?.reject(new FatalError('PULSE_SERVICES_FAILED', report.reason));
    }
  });
  child.on('disconnect', () => {
    for (const { reject } of waiting.values()) reject(goneError());
  });

  const send = async (order: Order): Promise<void> => {
    if (order.kind === 'adopt') places.push(order.directory);
    const id = ++lastId;
    child.channel?.ref();
    try {
      await new Promise<void>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        if (!child.connected) reject(goneError());
        // Without the callback, a failure would be an error that nobody handles.
        else child.send({ ...order, id } satisfies GuardianOrder, rejectIfGone(reject));
      });
    } finally {
      waiting.delete(id);
      if (waiting.size === 0) child.channel?.unref();
    }
  };

  return {
    pid: child.pid ?? 0,
    isAlive: () => child.connected,
    send,
    onExit(name, listener) {
      const entry = { name, listener };
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    async stop() {
      await endGuardian(child, send, 'stop');
      // The guardian has done this, unless it was killed.
      if (!options.keepFiles) for (const place of places) removeTree(place);
    },
    async leave() {
      hasLeft ||= await endGuardian(child, send, 'leave');
      return hasLeft;
    },
    async release(env) {
      await send({ kind: 'announce', announcement: { env, attachedTo: null } });
      if (child.connected) child.disconnect();
    },
  };
}

/** @returns Whether the guardian keeps running, because guests use the servers. */
async function endGuardian(
  child: ChildProcess,
  send: Guardian['send'],
  kind: 'stop' | 'leave',
): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) return false;
  child.ref();
  const exited = new Promise<boolean>((resolve) =>
    child.once('exit', () => {
      resolve(false);
    }),
  );
  // A last resort: the kernel then kills the servers.
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_BOUND_MS);
  // The guardian answers only if it keeps running.
  const answered = send({ kind }).then(
    () => true,
    () => exited,
  );
  const isRunning = await Promise.race([exited, answered]);
  clearTimeout(kill);
  if (isRunning) {
    if (child.connected) child.disconnect();
    child.unref();
  }
  return isRunning;
}

function rejectIfGone(reject: (error: Error) => void): (error: Error | null) => void {
  return (error) => {
    if (error !== null) reject(goneError());
  };
}

function goneError(): FatalError {
  return new FatalError(
    'PULSE_SERVICES_FAILED',
    'The guardian process of the private servers is gone.',
  );
}
