/**
 * The one way to add a command: an object that says how it works. The list or group that holds it gives it its
 * name. Commander is the library beneath.
 */
import { Option, type Command } from 'commander';
import type { RawEnv } from '../config.ts';
import { runAction, toJson, type CommandEnvironment, type CommandRun } from './command.ts';
import { toFlags, toOptions, type Flags, type OptionSpecs } from './options.ts';

/** What `run` is given. */
export interface CommandContext<Specs extends OptionSpecs, Argument> extends CommandRun {
  readonly flags: Flags<Specs>;
  readonly argument: Argument extends `[${string}...]`
    ? readonly string[]
    : Argument extends `<${string}> <${string}>`
      ? readonly [string, string]
      : Argument extends string
        ? string
        : undefined;
  /** Whether `--json` was given. */
  readonly json: boolean;
  /** Prints the command's result: `value` with `--json`, else the lines. */
  readonly answer: (value: unknown, lines: string | readonly string[]) => void;
}

interface CommandDefinition<Specs extends OptionSpecs, Argument> {
  /** For a command of a group. The summaries of others are in the list of commands. */
  readonly summary?: string;
  /** What follows the name: `<id>`, `<id> <number>`, or `[ids...]` for any number of them. */
  readonly argument?: Argument;
  /** What help says of the argument, where its name does not say it all. */
  readonly argumentAbout?: string;
  readonly options?: Specs;
  /** The command has `--json`; a text describes it where the usual one does not fit. */
  readonly json?: true | string;
  readonly needs?: {
    /** It serves HTTP to users, so it needs a signing secret and an administrator. */
    readonly api?: boolean;
    /** Fault tests may end it on purpose: it has the hidden option `--allow-test-faults`. */
    readonly testFaults?: true;
  };
  /** The environment to run with; default: that of the process. */
  readonly env?: (env: RawEnv) => RawEnv;
  readonly examples: readonly string[];
  /** @returns The exit code. */
  readonly run: (context: CommandContext<Specs, Argument>) => Promise<number>;
}

/** Where the command runs, and who is told its exit code. */
export interface Shell {
  readonly environment: CommandEnvironment;
  readonly setExitCode: (code: number) => void;
  /** The program with all its commands loaded, for what describes them. */
  readonly loadAll: () => Promise<Command>;
}

/** Gives a command its arguments, options, examples and action. */
export type SetUp = (command: Command, shell: Shell) => void;

export function defineCommand<
  const Specs extends OptionSpecs = Record<string, never>,
  const Argument extends `<${string}>` | `[${string}...]` | undefined = undefined,
>(definition: CommandDefinition<Specs, Argument>): SetUp {
  const { summary, argument, argumentAbout, json, needs = {}, env, examples, run } = definition;
  const specs = definition.options ?? ({} as Specs);
  return (command, { environment, setExitCode }) => {
    if (summary !== undefined) command.description(summary);
    const places = argument?.split(' ') ?? [];
    for (const place of places) command.argument(place, argumentAbout);
    for (const option of toOptions(specs)) command.addOption(option);
    if (json !== undefined) {
      command.option('--json', json === true ? 'print the result as JSON' : json);
    }
    if (needs.testFaults === true) {
      command.addOption(new Option('--allow-test-faults').hideHelp());
    }
    addExamples(command, examples);
    command.action(async () => {
      const given = command.opts();
      const isJson = given.json === true;
      const from = env === undefined ? environment : { ...environment, env: env(environment.env) };
      const configNeeds = { api: needs.api === true, testFaults: given.allowTestFaults === true };
      const exitCode = await runAction(from, configNeeds, (context) =>
        run({
          ...context,
          flags: toFlags(specs, given),
          argument: (places.length > 1 ? command.processedArgs : command.processedArgs[0]) as never,
          json: isJson,
          answer: (value, lines) => {
            if (isJson) context.print(toJson(value));
            else for (const line of [lines].flat()) context.print(line);
          },
        }),
      );
      setExitCode(exitCode);
    });
  };
}

/** A command that only holds others, by name, such as `pulse users`. */
export function defineGroup(
  commands: Readonly<Record<string, SetUp>>,
  examples: readonly string[],
): SetUp {
  return (command, shell) => {
    for (const [name, setUp] of Object.entries(commands)) setUp(command.command(name), shell);
    addExamples(command, examples);
  };
}

/** Help shows them after the options. */
function addExamples(command: Command, examples: readonly string[]): void {
  const lines = examples.map((example) => `  $ ${example}`).join('\n');
  command.addHelpText('after', `\nExample${examples.length > 1 ? 's' : ''}:\n${lines}`);
}
