/** What every command shares: its configuration, output, end and exit codes. */
import { statSync } from 'node:fs';
import { parseConfig, type Config, type ConfigNeeds, type RawEnv } from '../config.ts';
import { PulseError, RejectedError } from '../core/errors.ts';
import { createCloser, type Closer } from '../platform/closing.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import { createLogSwitch, type LogSwitch } from '../platform/log-switch.ts';
import { onAbort } from '../platform/on-abort.ts';
import { createRedactor } from '../platform/redaction.ts';

/** The process as commands see it. */
export interface CommandEnvironment {
  readonly env: RawEnv;
  readonly stdout: {
    write(text: string): unknown;
    readonly isTTY?: boolean;
    readonly columns?: number;
  };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly stop: AbortSignal;
  /** Aborted when standard output can no longer be written: nobody reads it, or the disk is full. */
  readonly outputLost?: AbortSignal;
}

/** One run of a command. */
export interface CommandRun {
  readonly config: Config;
  readonly logger: Logger;
  /** SIGUSR2 toggles it. */
  readonly log: LogSwitch;
  /** Closes what the command opened, last opened first, however the command ends. */
  readonly closer: Closer;
  readonly stop: AbortSignal;
  /** For what only prints: what does work continues when nobody reads. */
  readonly outputLost: AbortSignal;
  /** Prints a line of the result, on standard output. */
  readonly print: (line: string) => void;
  /** Prints a line for the person who is waiting, on standard error. */
  readonly tell: (line: string) => void;
  /** Whether to draw progress and colours. */
  readonly isTerminal: boolean;
  /** Characters on a line of the terminal that shows the result; undefined where none does. */
  readonly width: number | undefined;
}

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_WRONG_USAGE = 2;

/** How much longer than STOP_TIMEOUT_SECONDS a stop may take; together, less than Kubernetes' 30 seconds. */
const STOP_GRACE_MS = 5_000;

/**
 * Runs an action and returns the exit code.
 *
 * An error becomes one sentence on standard error, and exit code 2 for wrong configuration or usage, 1 for
 * anything else. An error that is not a PulseError is a defect and shows its stack.
 */
export async function runAction(
  environment: CommandEnvironment,
  needs: ConfigNeeds,
  action: (run: CommandRun) => Promise<number>,
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
      outputLost: environment.outputLost ?? new AbortController().signal,
      print: (line) => {
        environment.stdout.write(`${line}\n`);
      },
      tell,
      isTerminal,
      width: environment.stdout.isTTY === true ? environment.stdout.columns : undefined,
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
 * Ends the process if something keeps it alive after a signal. That loses nothing, as SIGKILL would lose
 * nothing, but a supervisor would wait longer before sending one.
 */
function endInTime(stop: AbortSignal, config: Config, tell: CommandRun['tell']): void {
  // Private servers must be stopped, however long that takes.
  if (config.servers === undefined) return;
  const end = (): void => {
    tell('pulse: could not finish in time; the queue delivers the rest again.');
    process.exit(EXIT_FAILED);
  };
  onAbort(stop, () => {
    setTimeout(end, config.stopTimeoutMs + STOP_GRACE_MS).unref();
  });
}

function describe(error: unknown): string {
  if (error instanceof PulseError) return `pulse: ${error.message}`;
  return `pulse: unexpected error\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** The error of wrong usage; exit code 2. */
export function misused(sentence: string): RejectedError {
  return new RejectedError('PULSE_USAGE_INVALID', sentence);
}

/** How long, and how, a command waits for a server. */
export function waitOptions({ config, logger, stop }: CommandRun, atMostMs = Infinity) {
  return { timeoutMs: Math.min(config.startTimeoutMs, atMostMs), logger, signal: stop };
}

/**
 * Loads `.env` from the working directory; variables that are set win over the file. A folder of that name belongs to
 * another program.
 *
 * @returns A sentence if there is such a file and it cannot be read.
 */
export function loadDotEnv(path = '.env'): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === false) process.loadEnvFile(path);
    return undefined;
  } catch {
    return `${path} cannot be read: check its permissions.`;
  }
}

/** JSON in which a bigint is a number if it is a safe integer, and text otherwise. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'bigint') return part;
    return Number.isSafeInteger(Number(part)) ? Number(part) : String(part);
  });
}
