#!/usr/bin/env node
/** The command line: names the commands, hands them the process, sets the exit code. */
import { Command, CommanderError } from 'commander';
import {
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USAGE,
  loadDotEnv,
  type CommandEnvironment,
} from './cli/command.ts';

type AddCommand = (
  program: Command,
  environment: CommandEnvironment,
  setExitCode: (code: number) => void,
) => void;

/** Loaded only when asked for: all of them together take longer than most commands run. */
const LOADERS: readonly { names: readonly string[]; load: () => Promise<AddCommand> }[] = [
  {
    names: ['start', 'api', 'worker'],
    load: async () => (await import('./commands/start.ts')).addStartCommands,
  },
  {
    names: ['migrate'],
    load: async () => (await import('./commands/migrate.ts')).addMigrateCommand,
  },
  { names: ['flush'], load: async () => (await import('./commands/flush.ts')).addFlushCommand },
  {
    names: ['populate'],
    load: async () => (await import('./commands/populate.ts')).addPopulateCommand,
  },
  { names: ['verify'], load: async () => (await import('./commands/verify.ts')).addVerifyCommand },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.ts')).addDoctorCommand },
  { names: ['status'], load: async () => (await import('./commands/status.ts')).addStatusCommand },
  {
    names: ['pause', 'resume'],
    load: async () => (await import('./commands/pause.ts')).addPauseCommands,
  },
  {
    names: ['recover'],
    load: async () => (await import('./commands/recover.ts')).addRecoverCommand,
  },
  {
    names: ['dead-letters'],
    load: async () => (await import('./commands/dead-letters.ts')).addDeadLettersCommand,
  },
  { names: ['users'], load: async () => (await import('./commands/users.ts')).addUsersCommand },
  { names: ['keys'], load: async () => (await import('./commands/keys.ts')).addKeysCommand },
  {
    names: ['services'],
    load: async () => (await import('./commands/services.ts')).addServicesCommand,
  },
  { names: ['demo'], load: async () => (await import('./commands/demo.ts')).addDemoCommand },
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  process.stdout.on('error', forgiveClosedPipe);
  process.stderr.on('error', forgiveClosedPipe);
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
  const [name = ''] = args;
  const wanted = LOADERS.filter(({ names }) => names.includes(name));
  // Help and a mistyped command need all of them.
  for (const { load } of wanted.length > 0 ? wanted : LOADERS) {
    (await load())(program, environment, setExitCode);
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

/** A reader that has gone, as in `pulse start | head -1`, must not end what is running. */
function forgiveClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
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
