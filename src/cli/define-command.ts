/**
 * The one way to add a command. A definition says how a command works; the list that holds it gives it a name
 * and a summary. Commander is the library beneath.
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
    : Argument extends string
      ? string
      : undefined;
  /** Whether `--json` was given. */
  readonly json: boolean;
  /** Prints the command's result: `value` with `--json`, else the lines. */
  readonly answer: (value: unknown, lines: string | readonly string[]) => void;
}

interface CommandDefinition<Specs extends OptionSpecs, Argument> {
  /** The one argument: `<id>`, or `[ids...]` for any number of them. */
  readonly argument?: Argument;
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
}

/** Gives a command its arguments, options, examples and action. */
export type SetUp = (command: Command, shell: Shell) => void;

/** A command of a group. */
export interface NamedCommand {
  readonly name: string;
  readonly summary: string;
  readonly setUp: SetUp;
}

export function defineCommand<
  const Specs extends OptionSpecs = Record<string, never>,
  const Argument extends `<${string}>` | `[${string}...]` | undefined = undefined,
>(definition: CommandDefinition<Specs, Argument>): SetUp {
  const { argument, json, needs = {}, env, examples, run } = definition;
  const specs = definition.options ?? ({} as Specs);
  return (command, { environment, setExitCode }) => {
    if (argument !== undefined) command.argument(argument);
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
          argument: command.processedArgs[0] as never,
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

/** A command that only holds others, such as `pulse users`. */
export function defineGroup(group: {
  readonly examples: readonly string[];
  readonly commands: readonly NamedCommand[];
}): SetUp {
  return (command, shell) => {
    for (const { name, summary, setUp } of group.commands) {
      setUp(command.command(name).description(summary), shell);
    }
    addExamples(command, group.examples);
  };
}

/** Help shows them after the options. */
function addExamples(command: Command, examples: readonly string[]): void {
  const lines = examples.map((example) => `  $ ${example}`).join('\n');
  command.addHelpText('after', `\nExample${examples.length > 1 ? 's' : ''}:\n${lines}`);
}
