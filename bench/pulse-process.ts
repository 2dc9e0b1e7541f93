/** The product as its users start it: the built command line in a separate process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ReadyLine } from '../src/cli/run-parts.ts';

export interface PulseProcess {
  readonly pid: number;
  readonly ready: ReadyLine;
  signal(signal: NodeJS.Signals): void;
  /** Drains and stops it. @throws Error when it does not exit with 0. */
  close(): Promise<void>;
  /** Kills it. Resolves when it is gone. */
  kill(): Promise<void>;
}

export interface PulseProcessOptions {
  readonly command: 'worker' | 'api' | 'processor' | 'enricher' | 'sender' | 'exporter';
  readonly env: Readonly<Record<string, string>>;
  /** When the process ends, writes a CPU profile of every thread to this folder. */
  readonly profileDirectory?: string | undefined;
}

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const INHERITED = ['PATH', 'HOME', 'LANG', 'TMPDIR'];

/** Starts it and waits until it reports that it is ready. */
export async function startPulseProcess(options: PulseProcessOptions): Promise<PulseProcess> {
  const { command, env, profileDirectory } = options;
  const inherited = Object.fromEntries(INHERITED.map((name) => [name, process.env[name]]));
  if (profileDirectory !== undefined) mkdirSync(profileDirectory, { recursive: true });
  const profiling =
    profileDirectory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDirectory}`];
  const child = spawn(process.execPath, [...profiling, MAIN, command, '--json'], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const ended = once(child, 'exit').then(([code, signal]) => {
    process.off('exit', killWithUs);
    return (code ?? signal) as number | string;
  });
  const line = await Promise.race([firstLine(child.stdout), ended.then(() => undefined)]);
  if (line === undefined) throw new Error(`pulse ${command} did not start: ${errors}`);
  return {
    pid: child.pid ?? 0,
    ready: JSON.parse(line) as ReadyLine,
    signal: (signal) => void child.kill(signal),
    async close() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`pulse ${command} ended with ${String(code)}: ${errors}`);
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
  });
}
