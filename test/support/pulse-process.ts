/** The built command line as child processes. Everything that a test starts ends with the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import type { UserIds } from '../../src/private-servers/process-spec.ts';

export interface PulseOptions {
  /** Added to what every program needs; nothing else is inherited from the test run. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a new empty directory, so that no `.env` is read. */
  readonly cwd?: string;
  /** Default: this Node.js with the built command line, as this user. */
  readonly program?: PulseProgram;
}

/** The program to run; a command's arguments follow. */
export interface PulseProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly user?: UserIds | undefined;
}

export interface PulseEnd {
  /** Null when a signal ended the process. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface PulseProcess {
  readonly pid: number;
  readonly hasEnded: boolean;
  readonly ended: Promise<PulseEnd>;
  /** What it has printed so far: both streams, in order of arrival. */
  readonly output: string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the first line of standard output, once it is complete. Rejects when the process ends before. */
  firstLine(): Promise<string>;
  /** Resolves once the output contains the text. Rejects when the process ends before. */
  printed(text: string): Promise<void>;
}

const BUILT: PulseProgram = { command: process.execPath, args: [resolve('dist/main.js')] };
const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'DOCKER_HOST'];
/** For tests of many processes: on a busy machine each of them is slow. */
export const MANY_STEPS_TIMEOUT_MS = 240_000;
/** No command takes this long. One that hangs ends here, and fails its test. */
const RUN_TIMEOUT_MS = 120_000;

/** Starts `pulse <args>`. Call it inside a test: the process is killed when that test ends. */
export function startPulse(args: readonly string[], options: PulseOptions = {}): PulseProcess {
  const startedMs = performance.now();
  const program = options.program ?? BUILT;
  const child = spawn(program.command, [...program.args, ...args], {
    ...program.user,
    cwd: options.cwd ?? temporaryDirectory(),
    env: childEnv(options.env ?? {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '', output: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk;
      text.output += chunk;
      child.emit('printed');
    });
  }
  let hasEnded = false;
  const ended = once(child, 'close').then(([exitCode]): PulseEnd => {
    hasEnded = true;
    child.emit('printed');
    const { stdout, stderr } = text;
    const seconds = (performance.now() - startedMs) / 1000;
    return { exitCode: exitCode as number | null, stdout, stderr, seconds };
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const until = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (hasEnded) throw new Error(`pulse ${args.join(' ')} ended early:\n${text.output}`);
      await once(child, 'printed');
    }
  };
  return {
    pid: child.pid!,
    get hasEnded() {
      return hasEnded;
    },
    ended,
    get output() {
      return text.output;
    },
    signal: (signal) => void child.kill(signal),
    firstLine: () => until(() => /^(.*)\n/.exec(text.stdout)?.[1]),
    printed: (wanted) => until(() => (text.output.includes(wanted) ? true : undefined)).then(),
  };
}

/** Runs `pulse <args>` until it exits. */
export async function runPulse(
  args: readonly string[],
  options: PulseOptions = {},
): Promise<PulseEnd> {
  const running = startPulse(args, options);
  const timer = setTimeout(() => {
    running.signal('SIGKILL');
  }, RUN_TIMEOUT_MS);
  try {
    return await running.ended;
  } finally {
    clearTimeout(timer);
  }
}

/** Runs `pulse <args>`, and expects it to succeed and print JSON. */
export async function runForJson<T>(
  args: readonly string[],
  options: PulseOptions = {},
): Promise<T> {
  const { exitCode, stdout, stderr } = await runPulse(args, options);
  if (exitCode !== 0) {
    throw new Error(`pulse ${args.join(' ')} exited with ${exitCode}:\n${stdout}\n${stderr}`);
  }
  return JSON.parse(stdout) as T;
}

/** An empty directory that is removed, with its contents, when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pulse-run-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Once a year, on New Year: a test flushes itself, and may run across a full hour. */
const NO_FLUSH = '0 0 1 1 *';

function childEnv(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = INHERITED.map((name) => [name, process.env[name]]);
  const defaults = {
    ...(Object.fromEntries(inherited) as NodeJS.ProcessEnv),
    FLUSH_CRON: NO_FLUSH,
  };
  return { ...defaults, ...own };
}
