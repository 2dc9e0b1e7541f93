/** Pulse's command line as child processes: single runs, and workers that are restarted when they end. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { sleep } from '../../src/platform/backoff.ts';

export type Env = Readonly<Record<string, string>>;

export interface ChildOptions {
  /** The compiled main.js. */
  readonly main: string;
  readonly args: readonly string[];
  readonly env: Env;
  /** An empty directory, so that no `.env` is read. */
  readonly cwd: string;
}

export interface ChildEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface PulseChild {
  readonly pid: number;
  readonly ended: Promise<ChildEnd>;
  readonly hasEnded: boolean;
  readonly stdout: string;
  /** Both streams. */
  readonly output: string;
  signal(signal: NodeJS.Signals): void;
  /** The first line of standard output; undefined when the process ends before. */
  firstLine(): Promise<string | undefined>;
}

const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR'];

export function startChild({ main, args, env, cwd }: ChildOptions): PulseChild {
  const inherited = INHERITED.map((name) => [name, process.env[name] ?? '']);
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...(Object.fromEntries(inherited) as Env), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', output: '' };
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text.stdout += chunk;
    text.output += chunk;
    child.emit('printed');
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text.output += chunk;
  });
  let hasEnded = false;
  const ended = once(child, 'close').then(([exitCode, signal]): ChildEnd => {
    hasEnded = true;
    child.emit('printed');
    return { exitCode: exitCode as number | null, signal: signal as NodeJS.Signals | null };
  });
  return {
    pid: child.pid ?? 0,
    ended,
    get hasEnded() {
      return hasEnded;
    },
    get stdout() {
      return text.stdout;
    },
    get output() {
      return text.output;
    },
    signal: (signal) => void child.kill(signal),
    async firstLine() {
      for (;;) {
        const line = /^(.*)\n/.exec(text.stdout)?.[1];
        if (line !== undefined || hasEnded) return line;
        await once(child, 'printed');
      }
    },
  };
}

/** Runs a command until it exits; kills it after `timeoutMs`. */
export async function runChild(
  options: ChildOptions,
  timeoutMs = 60_000,
): Promise<ChildEnd & { readonly stdout: string; readonly output: string }> {
  const child = startChild(options);
  const timer = setTimeout(() => {
    child.signal('SIGKILL');
  }, timeoutMs);
  const end = await child.ended;
  clearTimeout(timer);
  return { ...end, stdout: child.stdout, output: child.output };
}

/** A worker that is restarted whenever it ends, as a service manager does. */
export interface KeptWorker {
  /** The current process. */
  readonly child: PulseChild;
  /** How its processes ended when nobody stopped them: exit codes and signals. */
  readonly ends: readonly string[];
  /** The output of all its processes. */
  readonly output: string;
  /** Resolves when the current process is ready or has ended. */
  ready(): Promise<void>;
  kill(): void;
  /** SIGTERM without a restart; SIGKILL after `timeoutMs`. */
  stop(timeoutMs: number): Promise<ChildEnd>;
  /** Starts working again after `stop`. */
  restart(): void;
}

const RESTART_AFTER_MS = 200;

/** @param firstEnv Only for the first process, such as the point where it crashes. */
export function keepWorker(options: ChildOptions, firstEnv: Env = {}): KeptWorker {
  const ends: string[] = [];
  let earlierOutput = '';
  let stopping = false;
  let child = startChild({ ...options, env: { ...options.env, ...firstEnv } });
  const watch = (watched: PulseChild): void => {
    void watched.ended.then(async ({ exitCode, signal }) => {
      if (stopping || watched !== child) return;
      ends.push(signal ?? `exit ${exitCode}`);
      await sleep(RESTART_AFTER_MS);
      if (!isStopping()) replace();
    });
  };
  const isStopping = (): boolean => stopping;
  const replace = (): void => {
    earlierOutput += child.output;
    child = startChild(options);
    watch(child);
  };
  watch(child);
  return {
    get child() {
      return child;
    },
    ends,
    get output() {
      return earlierOutput + child.output;
    },
    async ready() {
      await child.firstLine();
    },
    kill() {
      child.signal('SIGKILL');
    },
    async stop(timeoutMs) {
      stopping = true;
      child.signal('SIGCONT');
      child.signal('SIGTERM');
      const timer = setTimeout(() => {
        child.signal('SIGKILL');
      }, timeoutMs);
      const end = await child.ended;
      clearTimeout(timer);
      return end;
    },
    restart() {
      stopping = false;
      replace();
    },
  };
}

/** Whether SIGSTOP has suspended a process. Linux only. */
export function isSuspended(pid: number): boolean {
  try {
    return /^\d+ \(.*\) T/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
