/** Runs a command in the process of the test: ten times cheaper than a process each, where the process is not the point. */
import { runCommandLine } from '../../src/cli/command-line.ts';
import { COMMANDS } from '../../src/commands/command-list.ts';

export async function runInProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
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
