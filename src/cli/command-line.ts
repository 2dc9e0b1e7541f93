/** The command line as a whole: finds the command, runs it, returns the exit code. */
import { Command, CommanderError } from 'commander';
import { EXIT_DONE, EXIT_WRONG_USAGE, type CommandEnvironment } from './command.ts';
import type { SetUp } from './define-command.ts';
import { printable } from './table.ts';

/** A command as help lists it; the rest is loaded only when it is asked for. */
export interface ListedCommand {
  readonly summary: string;
  readonly load: () => Promise<SetUp>;
}

/** @param args Without the program itself. */
export async function runCommandLine(
  args: readonly string[],
  environment: CommandEnvironment,
  commands: Readonly<Record<string, ListedCommand>>,
  version = '',
): Promise<number> {
  // Until a command has run. Commander itself does not mind when nothing did.
  let exitCode: number = EXIT_WRONG_USAGE;
  const setExitCode = (code: number): void => {
    exitCode = code;
  };
  const { stdout, stderr } = environment;
  // Node.js has put it in place of bytes that are not UTF-8, so what was meant is lost.
  const garbled = args.find((arg) => arg.includes('\ufffd'));
  if (garbled !== undefined) {
    stderr.write(`pulse: The argument ${printable(garbled)} is not UTF-8. Use UTF-8.\n`);
    return EXIT_WRONG_USAGE;
  }
  const program = new Command('pulse')
    .description('Usage metering for multi-tenant clouds: exactly-once pulses, hourly sums.')
    .version(version, '--version', 'print the version')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .exitOverride();
  const loads = new Map<string, () => Promise<void>>();
  const loadAll = async (): Promise<Command> => {
    for (const [name, load] of loads) if (name !== wanted) await load();
    return program;
  };
  // As in `pulse -- verify`.
  const [first, second] = args.filter((arg) => arg !== '--');
  const wanted = first === 'help' ? second : first;
  for (const [name, { summary, load }] of Object.entries(commands)) {
    const command = program.command(name).description(summary);
    loads.set(name, async () => {
      (await load())(command, { environment, setExitCode, loadAll });
    });
  }
  await loads.get(wanted ?? '')?.();
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_DONE : EXIT_WRONG_USAGE;
  }
}
