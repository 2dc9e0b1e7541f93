/** Structured logs: one JSON line each, readable on a terminal, secrets left out. */
import { isMainThread, threadId } from 'node:worker_threads';
import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { createRedactor } from './redaction.ts';
import { hostUrls } from './server-urls.ts';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Human-readable lines; for terminals only. */
  readonly pretty: boolean;
  /** Values that must not be written, wherever they come from. */
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
 * Creates the process's logger. It writes to standard error, because standard output belongs to
 * the answers of commands (`--json`).
 */
export function createLogger({ level, pretty, secrets }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid, ...(isMainThread ? {} : { threadId }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
      // The last word before a line is written: what no path names is found by its value.
      hooks: { streamWrite: createRedactor(secrets) },
      serializers: { err: (error: unknown) => toLoggable(error) },
    },
    pretty ? prettyStderr() : pino.destination({ fd: 2, sync: false }),
  );
}

/**
 * What may be logged of an error: no other members, because clients attach whole commands to theirs, the
 * one that logs in included.
 */
function toLoggable(error: unknown, depth = CAUSES_LOGGED): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    type: name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message,
    stack,
    ...(error instanceof AggregateError ? { errorCount: error.errors.length } : {}),
    ...(cause === undefined || depth === 0 ? {} : { cause: toLoggable(cause, depth - 1) }),
  };
}

function prettyStderr(): DestinationStream {
  const format = prettyFactory({ colorize: true, ignore: 'pid,hostname' });
  return {
    write(line: string): void {
      process.stderr.write(format(line));
    },
  };
}

/**
 * Names a server for logs and errors: scheme, hosts, ports and path of a URL, never its credentials.
 *
 * @returns `invalid URL` for a text that is none, since echoing it could show a password.
 */
export function serverOf(url: string): string {
  try {
    const urls = hostUrls(url).map((one) => new URL(one));
    // Without a host the rest is opaque and may hold anything.
    if (urls.some(({ host }) => host === '')) return 'invalid URL';
    const { protocol = '', pathname = '' } = urls[0] ?? {};
    const hosts = urls.map(({ host }) => host).join(',');
    return `${protocol}//${hosts}${pathname === '/' ? '' : pathname}`;
  } catch {
    return 'invalid URL';
  }
}
