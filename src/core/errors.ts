/**
 * The errors that Pulse throws, classified by what the caller must do.
 *
 * A bad pulse is never one of these: it is an outcome (see contract/rejection.ts).
 */

/**
 * `PULSE_<AREA>_<WHAT>`. Open, so that a new domain edits no list here; a test checks the form, and that every code
 * that is compared, expected by a test or documented is thrown somewhere.
 */
export type ErrorCode = `PULSE_${string}_${string}` | 'PULSE_TIMEOUT';

/**
 * A stable code, and whether a retry can help.
 *
 * Its kinds declare a `consequence`, which does not exist at run time: without it, the compiler would take one kind
 * for another.
 */
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
  declare protected readonly consequence: 'retry';

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(code, message, { ...options, retryable: true });
  }
}

/**
 * RabbitMQ takes no message for this address, and others go on: its queue is full or missing, or its exchange is.
 *
 * The text names nothing but the address, so callers of the API may see it.
 */
export class UndeliverableError extends TransientError {
  declare protected readonly concerns: 'address';
}

/** This input will never work: report it, do not retry. */
export class RejectedError extends PulseError {
  declare protected readonly consequence: 'report';

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(code, message, { ...options, retryable: false });
  }
}

/** The state is in doubt, or a person must act: stop consuming, close, exit non-zero. */
export class FatalError extends PulseError {
  declare protected readonly consequence: 'stop';

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
