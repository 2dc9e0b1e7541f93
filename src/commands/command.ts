/** What every command shares: reading its configuration, ending, answering, and the exit codes. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { parseConfig, type Config, type ConfigNeeds, type RawEnv } from '../config.ts';
import { PulseError } from '../core/errors.ts';
import { createCloser, type Closer } from '../platform/closing.ts';
import { createLogger, type Logger } from '../platform/logger.ts';

/** The process as commands see it; main.ts hands in the real one. */
export interface CommandEnvironment {
  readonly env: RawEnv;
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Aborted at the first Ctrl-C or SIGTERM. */
  readonly stop: AbortSignal;
}

/** One run of a command. */
export interface CommandRun {
  readonly config: Config;
  readonly logger: Logger;
  /** Closed, last opened first, when the command has ended, however it ended. */
  readonly closer: Closer;
  readonly stop: AbortSignal;
  /** A line of the command's answer, on standard output. */
  readonly print: (line: string) => void;
  /** A line for the person who waits, on standard error. */
  readonly tell: (line: string) => void;
  /** Whether progress may be drawn and coloured. */
  readonly isTerminal: boolean;
}

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_WRONG_USAGE = 2;

export type Action = (run: CommandRun) => Promise<number>;

/**
 * Runs an action to its end and returns the exit code.
 *
 * Errors end as one sentence on standard error: 2 for a wrong configuration or usage, 1 for the rest.
 * An error that is not Pulse's own is a defect and shows its stack.
 */
export async function runAction(
  environment: CommandEnvironment,
  needs: ConfigNeeds,
  action: Action,
): Promise<number> {
  const tell = (line: string): void => {
    environment.stderr.write(`${line}\n`);
  };
  let closer: Closer | undefined;
  try {
    const config = parseConfig(environment.env, needs);
    const isTerminal = environment.stderr.isTTY === true && environment.env.NO_COLOR === undefined;
    const logger = createLogger({ level: config.logLevel, pretty: isTerminal });
    closer = createCloser(logger);
    return await action({
      config,
      logger,
      closer,
      stop: environment.stop,
      print: (line) => {
        environment.stdout.write(`${line}\n`);
      },
      tell,
      isTerminal,
    });
  } catch (error) {
    tell(describe(error));
    const misused =
      error instanceof PulseError &&
      (error.code === 'PULSE_CONFIG_INVALID' || error.code === 'PULSE_USAGE_INVALID');
    return misused ? EXIT_WRONG_USAGE : EXIT_FAILED;
  } finally {
    await closer?.close();
  }
}

function describe(error: unknown): string {
  if (error instanceof PulseError) return `pulse: ${error.message}`;
  return `pulse: unexpected error\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** Adds the examples that `--help` shows after the options. */
export function withExamples(command: Command, ...examples: string[]): Command {
  const lines = examples.map((example) => `  $ ${example}`).join('\n');
  return command.addHelpText('after', `\nExample${examples.length > 1 ? 's' : ''}:\n${lines}`);
}

/** The environment with `.env` of the working directory beneath it; what is set wins over the file. */
export function loadDotEnv(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}

/** JSON text in which 64-bit counts are plain numbers where they are safe, text where they are not. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'bigint') return part;
    return Number.isSafeInteger(Number(part)) ? Number(part) : String(part);
  });
}
