/** Prepares, starts, signals and ends processes. Knows nothing about what they do. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { waitAtMost } from '../platform/backoff.ts';
import { removeContainer, removeVolume, signalContainer } from './container-control.ts';
import { endTree, signalOne, signalTree, whenGone } from './process-ending.ts';
import type { CommandSpec, ProcessSpec } from './process-spec.ts';

export interface SupervisorOptions {
  /**
   * Whether `setpriv --pdeathsig` works here: the kernel then ends every process when the guardian dies, even
   * by SIGKILL.
   */
  readonly hasDeathSignal: boolean;
  readonly onExit: (end: ProcessEnd) => void;
}

export interface ProcessEnd {
  readonly spec: ProcessSpec;
  /** The signal or exit code. */
  readonly outcome: string;
  /** Whether a signal was sent to end it. */
  readonly isExpected: boolean;
}

export interface Supervisor {
  /** Prepares and starts; resolves when the process runs, even if it is not ready yet. */
  start(spec: ProcessSpec): Promise<void>;
  /** Starts an ended process again; does nothing if it is running. */
  restart(name: string): Promise<void>;
  /** Signals the process tree. If the signal ends it, resolves when it has ended. */
  signal(name: string, signal: NodeJS.Signals): Promise<void>;
  /** Ends all processes; nothing can be started afterwards. */
  stopAll(how: 'orderly' | 'quick'): Promise<void>;
  pids(): Record<string, number | null>;
  /** How the process ended, if it has ended without being told to. */
  unexpectedEnd(name: string): ProcessEnd | null;
}

interface Kept {
  readonly spec: ProcessSpec;
  readonly child: ChildProcess;
  /** Resolves when Node.js reports the end, slightly after the process has ended. */
  readonly ended: Promise<void>;
  end: ProcessEnd | null;
  isToldToEnd: boolean;
}

const STOP_BOUND_MS = { orderly: 15_000, quick: 3_000 };
const KILL_BOUND_MS = 5_000;
const ENDING_SIGNALS: readonly NodeJS.Signals[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGQUIT'];

export function createSupervisor({ hasDeathSignal, onExit }: SupervisorOptions): Supervisor {
  const kept = new Map<string, Kept>();
  const preparing = new Set<ChildProcess>();
  const restarting = new Map<string, Promise<void>>();
  let stopping = false;

  async function launch(spec: CommandSpec, logFile: string, deathSignal: NodeJS.Signals) {
    if (stopping) throw new Error('The guardian is stopping.');
    const child = spawnLogged(hasDeathSignal ? withDeathSignal(spec, deathSignal) : spec, logFile);
    await once(child, 'spawn');
    return child;
  }

  async function prepare({ preparation, logFile }: ProcessSpec): Promise<void> {
    if (preparation === undefined || existsSync(preparation.creates)) return;
    rmSync(preparation.staging, { recursive: true, force: true });
    const child = await launch(preparation, logFile, 'SIGKILL');
    preparing.add(child);
    const [code] = (await once(child, 'exit')) as [number | null];
    preparing.delete(child);
    if (code !== 0) throw new Error(`${preparation.command} failed; see ${logFile}.`);
    renameSync(preparation.staging, preparation.creates);
  }

  async function start(spec: ProcessSpec): Promise<void> {
    if (isRunning(kept.get(spec.name))) throw new Error(`${spec.name} is already running.`);
    await prepare(spec);
    if (spec.container !== undefined) await removeContainer(spec.container);
    // The engine's program forwards SIGTERM to the container; SIGKILL would leave the container running.
    const deathSignal = spec.container === undefined ? spec.quickStopSignal : 'SIGTERM';
    const child = await launch(spec, spec.logFile, deathSignal);
    kept.set(spec.name, keep(spec, child, onExit));
  }

  function named(name: string): Kept {
    const found = kept.get(name);
    if (found === undefined) throw new Error(`There is no process named ${name}.`);
    return found;
  }

  return {
    start,
    async restart(name) {
      const one = named(name);
      if (isRunning(one)) return;
      // Two callers must not start it twice.
      const started = restarting.get(name) ?? start(one.spec);
      restarting.set(name, started);
      await started.finally(() => restarting.delete(name));
    },
    async signal(name, signal) {
      const one = named(name);
      if (!isRunning(one)) return;
      if (ENDING_SIGNALS.includes(signal)) one.isToldToEnd = true;
      await signalKept(one, signal);
    },
    async stopAll(how) {
      stopping = true;
      await Promise.all([
        ...[...preparing].map((child) => endChild(child, 'SIGKILL', KILL_BOUND_MS)),
        ...[...kept.values()].map((one) => stopKept(one, how)),
      ]);
    },
    pids() {
      return Object.fromEntries(
        [...kept].map(([name, one]) => [name, isRunning(one) ? (one.child.pid ?? null) : null]),
      );
    },
    unexpectedEnd(name) {
      const { end } = named(name);
      return end === null || end.isExpected ? null : end;
    },
  };
}

/** Whether `setpriv` of util-linux is installed; that of BusyBox lacks the option. */
export async function canSetDeathSignal(): Promise<boolean> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'true'], { stdio: 'ignore' });
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code === 0;
  } catch {
    return false;
  }
}

/**
 * Each process leads its own session, so that Ctrl-C in a terminal does not reach it: only the guardian decides
 * when servers end.
 */
function spawnLogged({ command, args, env, cwd, user }: CommandSpec, logFile: string) {
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(command, args, {
      env,
      cwd,
      ...user,
      detached: true,
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

/** The setting survives exec but not a change of user, so the change comes first. */
function withDeathSignal(spec: CommandSpec, signal: NodeJS.Signals): CommandSpec {
  const name = signal.replace(/^SIG/, '');
  return {
    ...spec,
    command: 'setpriv',
    args: ['--pdeathsig', name, '--', spec.command, ...spec.args],
  };
}

function keep(spec: ProcessSpec, child: ChildProcess, onExit: SupervisorOptions['onExit']): Kept {
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      const outcome = signal ?? `exit code ${String(code)}`;
      one.end = { spec, outcome, isExpected: one.isToldToEnd };
      onExit(one.end);
      resolve();
    });
  });
  const one: Kept = { spec, child, ended, end: null, isToldToEnd: false };
  return one;
}

function isRunning(one: Kept | undefined): boolean {
  return one?.child.exitCode === null && one.child.signalCode === null;
}

async function signalKept({ spec, child, ended }: Kept, signal: NodeJS.Signals): Promise<void> {
  const pid = child.pid ?? 0;
  const isEnding = ENDING_SIGNALS.includes(signal);
  if (spec.container !== undefined) {
    await signalContainer(spec.container, signal);
    if (isEnding) await waitAtMost(STOP_BOUND_MS.orderly, ended);
  } else if (isEnding && signal !== 'SIGKILL') {
    // The server ends its own helpers in the right order.
    signalOne(pid, signal);
    await waitAtMost(STOP_BOUND_MS.orderly, ended);
  } else {
    const tree = signalTree(pid, signal);
    if (isEnding) await Promise.all([ended, whenGone(tree, KILL_BOUND_MS)]);
  }
}

async function stopKept({ spec, child }: Kept, how: 'orderly' | 'quick'): Promise<void> {
  const signal = how === 'quick' ? spec.quickStopSignal : spec.stopSignal;
  if (spec.container === undefined) {
    await endChild(child, signal, STOP_BOUND_MS[how]);
    return;
  }
  if (how === 'orderly') await endChild(child, 'SIGTERM', STOP_BOUND_MS.orderly);
  await removeContainer(spec.container);
  await endChild(child, 'SIGKILL', KILL_BOUND_MS);
  if (how === 'quick') await removeVolume(spec.container);
}

async function endChild(child: ChildProcess, signal: NodeJS.Signals, boundMs: number) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await endTree(child.pid, signal, boundMs);
}
