/**
 * The errors Pulse throws, by what the caller must do about them.
 *
 * A bad pulse is never one of these: it is an outcome (see contract/rejection.ts).
 */

/** Every error code, in one catalogue. `PULSE_<AREA>_<WHAT>`. */
export type ErrorCode =
  | 'PULSE_CONFIG_INVALID'
  | 'PULSE_USAGE_INVALID'
  | 'PULSE_SERVICES_MISSING'
  | 'PULSE_SERVICES_FAILED'
  | 'PULSE_RABBIT_UNREACHABLE'
  | 'PULSE_RABBIT_TOPOLOGY'
  | 'PULSE_RABBIT_BLOCKED'
  | 'PULSE_PUBLISH_UNCONFIRMED'
  | 'PULSE_PUBLISH_UNROUTABLE'
  | 'PULSE_REDIS_UNREACHABLE'
  | 'PULSE_REDIS_LIBRARY'
  | 'PULSE_REDIS_SHARDS'
  | 'PULSE_REDIS_APPLY'
  | 'PULSE_REDIS_EPOCH'
  | 'PULSE_REDIS_UNSAFE'
  | 'PULSE_POSTGRES_UNREACHABLE'
  | 'PULSE_POSTGRES_MIGRATIONS'
  | 'PULSE_POSTGRES_ROLES'
  | 'PULSE_FLUSH_MISMATCH'
  | 'PULSE_FLUSH_FAILED'
  | 'PULSE_BOOKS_DRIFT'
  | 'PULSE_INGEST_CLOSED'
  | 'PULSE_METRICS_LISTEN'
  | 'PULSE_DEMO_FAILED'
  | 'PULSE_TIMEOUT'
  | 'PULSE_POSTGRES_BUSY'
  | 'PULSE_PUBLISH_BUSY'
  | 'PULSE_PUBLISH_INVALID'
  | 'PULSE_API_LISTEN';

/** What all errors of Pulse share: a stable code and whether trying again can help. */
export class PulseError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions & { retryable: boolean }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** The operation may or may not have applied. Every retried operation is idempotent, so retry. */
export class TransientError extends PulseError {
  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(code, message, { ...options, retryable: true });
  }
}

/** This input never works: report it, do not retry. */
export class RejectedError extends PulseError {
  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(code, message, { ...options, retryable: false });
  }
}

/** State is in doubt or a person must act: stop consuming, close, exit non-zero. */
export class FatalError extends PulseError {
  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(code, message, { ...options, retryable: false });
  }
}

/** The `code` that Node.js and most clients give their errors, such as ENOENT or 404. */
export function codeOf(error: unknown): string | number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' || typeof code === 'number' ? code : undefined;
}

/** JavaScript can throw anything; this makes it an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error('Something other than an Error was thrown.', { cause: thrown });
}
