#!/usr/bin/env node
/** The entry of the command line: hands it the process and sets the exit code. */
import { readFileSync } from 'node:fs';
import { EXIT_DONE, EXIT_FAILED, EXIT_WRONG_USAGE, loadDotEnv } from './cli/command.ts';
import { runCommandLine } from './cli/command-line.ts';
import { COMMANDS } from './commands/command-list.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const { stdout, stderr } = process;
  let outputFailure: Error | undefined;
  const outputLost = new AbortController();
  stdout.on('error', (error: Error) => {
    if (!isClosed(error)) outputFailure ??= error;
    outputLost.abort();
  });
  // A message that cannot be written, such as on a full disk, must not end the work.
  stderr.on('error', () => undefined);
  const mistake = loadDotEnv();
  if (mistake !== undefined) {
    stderr.write(`pulse: ${mistake}\n`);
    return EXIT_WRONG_USAGE;
  }
  const stop = new AbortController();
  const stopListening = stopOnSignals(stop);
  try {
    const signals = { stop: stop.signal, outputLost: outputLost.signal };
    const environment = { env: process.env, stdout, stderr, ...signals };
    const exitCode = await runCommandLine(args, environment, COMMANDS, readVersion());
    // Only what has been written has failed.
    await new Promise((resolve) => stdout.write('', resolve));
    if (outputFailure === undefined) return exitCode;
    stderr.write(`pulse: Standard output cannot be written: ${outputFailure.message}.\n`);
    return exitCode === EXIT_DONE ? EXIT_FAILED : exitCode;
  } finally {
    stopListening();
  }
}

/** package.json is one folder up in both src and dist. */
function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * In `pulse start | head -1` the reader closes the pipe; that must not end the system. Nor must a closed terminal
 * (EIO) keep it from finishing its work.
 */
function isClosed({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EPIPE' || code === 'EIO';
}

/** The first signal drains; a second one ends the process at once, which loses nothing either. */
function stopOnSignals(stop: AbortController): () => void {
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT_FAILED);
    stop.abort();
  };
  // A closed terminal may send it twice.
  const onHangUp = (): void => {
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onHangUp);
  return () => {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('SIGHUP', onHangUp);
  };
}
