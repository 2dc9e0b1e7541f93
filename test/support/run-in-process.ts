/** Runs a command in the process of the test: ten times cheaper than a process each, where the process is not the point. */
import { runCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/commands/command-list.ts';

export interface InProcessEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command as `runInProcess`, and expects it to succeed and print JSON. */
export async function runInProcessForJson<T>(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const { exitCode, stdout, stderr } = await runInProcess(args, env);
  if (exitCode !== 0) {
    throw new Error(`pulse ${args.join(' ')} ended with ${exitCode}:\n${stdout}\n${stderr}`);
  }
  return JSON.parse(stdout) as T;
}

export async function runInProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<InProcessEnd> {
  const out = { stdout: '', stderr: '' };
  const environment = {
    env: { LOG_LEVEL: 'warn', ...env },
    stdout: { write: (text: string) => (out.stdout += text) },
    stderr: { write: (text: string) => (out.stderr += text) },
    stop: new AbortController().signal,
  };
  const exitCode = await runCommandLine(args, environment, COMMANDS);
  return { exitCode, ...out };
}
