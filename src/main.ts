#!/usr/bin/env node
/** The command line: names the commands, hands them the process, sets the exit code. */
import { Command, CommanderError } from 'commander';
import {
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USAGE,
  loadDotEnv,
  type CommandEnvironment,
} from './commands/command.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addFlushCommand } from './commands/flush.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addPopulateCommand } from './commands/populate.ts';
import { addServicesCommand } from './commands/services.ts';
import { addStartCommands } from './commands/start.ts';
import { addVerifyCommand } from './commands/verify.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  loadDotEnv();
  const stop = new AbortController();
  const environment: CommandEnvironment = {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    stop: stop.signal,
  };
  let exitCode = EXIT_DONE;
  const program = new Command('pulse')
    .description('Usage metering for multi-tenant clouds: exactly-once pulses, hourly sums.')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  const setExitCode = (code: number): void => {
    exitCode = code;
  };
  for (const addCommand of [
    addStartCommands,
    addMigrateCommand,
    addFlushCommand,
    addPopulateCommand,
    addVerifyCommand,
    addDoctorCommand,
    addServicesCommand,
    addDemoCommand,
  ]) {
    addCommand(program, environment, setExitCode);
  }
  const stopListening = stopOnSignals(stop);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_DONE : EXIT_WRONG_USAGE;
  } finally {
    stopListening();
  }
}

/** The first signal drains; a second one ends the process at once, which loses nothing either. */
function stopOnSignals(stop: AbortController): () => void {
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(EXIT_FAILED);
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  };
}
