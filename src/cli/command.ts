/** What every command shares: reading its configuration, ending, answering, and the exit codes. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { parseConfig, type Config, type ConfigNeeds, type RawEnv } from '../config.ts';
import { PulseError } from '../core/errors.ts';
import { createCloser, type Closer } from '../platform/closing.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import { createLogSwitch, type LogSwitch } from '../platform/log-switch.ts';
import { createRedactor } from '../platform/redaction.ts';

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
  /** SIGUSR2 toggles it. */
  readonly log: LogSwitch;
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

/** What a stop may take beyond STOP_TIMEOUT_SECONDS; both together stay below Kubernetes' 30 seconds. */
const STOP_GRACE_MS = 5_000;

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
  let log: LogSwitch | undefined;
  let redact = createRedactor([]);
  try {
    const config = parseConfig(environment.env, needs);
    redact = createRedactor(config.secrets);
    const isTerminal = environment.stderr.isTTY === true && environment.env.NO_COLOR === undefined;
    const { logLevel: level, secrets } = config;
    const logOptions = { level, pretty: isTerminal, secrets };
    const logger = createLogger(logOptions);
    log = createLogSwitch(logger, logOptions);
    process.on('SIGUSR2', log.toggle);
    closer = createCloser(logger, { withinMs: config.stopTimeoutMs });
    endInTime(environment.stop, config, tell);
    return await action({
      config,
      logger,
      log,
      closer,
      stop: environment.stop,
      print: (line) => {
        environment.stdout.write(`${line}\n`);
      },
      tell,
      isTerminal,
    });
  } catch (error) {
    tell(redact(describe(error)));
    const misused =
      error instanceof PulseError &&
      (error.code === 'PULSE_CONFIG_INVALID' || error.code === 'PULSE_USAGE_INVALID');
    return misused ? EXIT_WRONG_USAGE : EXIT_FAILED;
  } finally {
    await closer?.close();
    if (log !== undefined) process.off('SIGUSR2', log.toggle);
  }
}

/**
 * Ends the process when something keeps it from ending by itself after a signal. That loses nothing, as a
 * SIGKILL would lose nothing; but a supervisor that has to send one waits longer.
 */
function endInTime(stop: AbortSignal, config: Config, tell: CommandRun['tell']): void {
  // Embedded servers are ours to stop, however long they take.
  if (config.servers === undefined) return;
  const end = (): void => {
    tell('pulse: what is still open is left; the queue delivers it again.');
    process.exit(EXIT_FAILED);
  };
  stop.addEventListener('abort', () => {
    setTimeout(end, config.stopTimeoutMs + STOP_GRACE_MS).unref();
  });
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
