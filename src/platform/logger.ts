/** Structured logs: one JSON line each, or readable lines on a terminal. Secrets are removed. */
import { createRequire } from 'node:module';
import { isMainThread, threadId } from 'node:worker_threads';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import type * as pretty from 'pino-pretty';
import { codeOf } from '../core/errors.ts';
import { standardErrorLog } from './log-destination.ts';
import { createRedactor } from './redaction.ts';
import { hostUrls } from './server-urls.ts';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Readable lines instead of JSON; for terminals only. */
  readonly pretty: boolean;
  /** Values that must never be written, wherever they come from. */
  readonly secrets: readonly string[];
}

/** A chain of causes may be circular. */
const CAUSES_LOGGED = 5;

const REDACTED_PATHS = [
  'password',
  'authorization',
  '*.password',
  '*.secret',
  '*.authorization',
  'req.headers.authorization',
  'headers.authorization',
];

/**
 * Creates the process's logger. It writes to standard error, because standard output is for the results of
 * commands (`--json`).
 */
export function createLogger({ level, pretty, secrets }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid, ...(isMainThread ? {} : { threadId }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      // Runs on each finished line: finds secrets by value that no path above names.
      hooks: { streamWrite: createRedactor(secrets) },
      serializers: { err: (error: unknown) => toLoggable(error) },
    },
    pretty ? prettyStderr() : standardErrorLog(),
  );
}

/**
 * The parts of an error that may be logged. Other members are left out, because clients attach whole commands
 * to their errors, including the one that logs in.
 */
function toLoggable(error: unknown, depth = CAUSES_LOGGED): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  const code = codeOf(error);
  return {
    type: name,
    ...(code === undefined ? {} : { code }),
    message,
    stack,
    ...(error instanceof AggregateError ? { errorCount: error.errors.length } : {}),
    ...(cause === undefined || depth === 0 ? {} : { cause: toLoggable(cause, depth - 1) }),
  };
}

function prettyStderr(): DestinationStream {
  // Loaded here, because a process without a terminal needs none of it.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof pretty;
  const format = prettyFactory({ colorize: true, ignore: 'pid,hostname' });
  return {
    write(line: string): void {
      process.stderr.write(format(line));
    },
  };
}

/**
 * A server's name for logs and errors: scheme, hosts, ports and path of its URL, never the credentials.
 *
 * @returns `invalid URL` if it is not a URL, because printing it could show a password.
 */
export function serverOf(url: string): string {
  try {
    const urls = hostUrls(url).map((one) => new URL(one));
    // Without a host, the rest could be anything.
    if (urls.some(({ host }) => host === '')) return 'invalid URL';
    const { protocol = '', pathname = '' } = urls[0] ?? {};
    const hosts = urls.map(({ host }) => host).join(',');
    return `${protocol}//${hosts}${pathname === '/' ? '' : pathname}`;
  } catch {
    return 'invalid URL';
  }
}
