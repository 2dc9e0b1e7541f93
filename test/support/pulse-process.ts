/** The built command line as child processes. Whatever a test starts is gone when the test is over. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import type { UserIds } from '../../src/private-servers/process-spec.ts';

export interface PulseOptions {
  /** Beside what every program needs; nothing else is inherited from the test run. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: an empty directory of the process's own, so that no `.env` is read. */
  readonly cwd?: string;
  /** Default: this Node.js with the built command line, as this user. */
  readonly program?: PulseProgram;
}

/** What is run; a command's own arguments follow. */
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
  /** What it has printed so far, both streams in the order of arrival. */
  readonly output: string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves once standard output holds a whole line, with the first. Rejects when the process ends before. */
  firstLine(): Promise<string>;
  /** Resolves once the output holds the text. Rejects when the process ends before. */
  printed(text: string): Promise<void>;
}

const BUILT: PulseProgram = { command: process.execPath, args: [resolve('dist/main.js')] };
const INHERITED = ['PATH', 'HOME', 'USER', 'LANG', 'TMPDIR', 'DOCKER_HOST'];
/** For tests of many processes: on a machine that is busy with other things too, each takes its time. */
export const MANY_STEPS_TIMEOUT_MS = 240_000;
/** Nothing takes so long; a command that hangs ends, and its test with it. */
const RUN_TIMEOUT_MS = 120_000;

/** Starts `pulse <args>`. Called inside a test; the process is killed when that test has ended. */
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

/** Runs `pulse <args>` to its end. */
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

/** Runs `pulse <args>`, expects it to succeed and its standard output to be JSON. */
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

/** An empty directory that is removed, with all that is put into it, when the test has ended. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'pulse-run-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function childEnv(own: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = INHERITED.map((name) => [name, process.env[name]]);
  return { ...(Object.fromEntries(inherited) as NodeJS.ProcessEnv), ...own };
}
