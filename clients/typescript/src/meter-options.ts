/** The options of a meter, and their defaults. */
import type { IdentifiedPulse, RejectedPulse } from './api-types.ts';
import { timerMs } from './timers.ts';

export interface MeterOptions {
  /** How long a pulse may wait for others before it is sent, 24 days at most. Default: 1 second. */
  readonly flushIntervalMs?: number;
  /** Pulses in one request, 1,000 at most. When so many wait, they are sent at once. Default: 500. */
  readonly batchSizeMax?: number;
  /** Pulses held, including those being sent. Default: 10,000. */
  readonly bufferSizeMax?: number;
  /**
   * What `record` does when the buffer is full: `throw` (the default) a MeterFullError, or `drop` the new pulse and
   * call `onDropped`.
   */
  readonly overflow?: 'throw' | 'drop';
  /** The first delay between attempts. It doubles each time, with jitter, and is never less than the API asked for. */
  readonly retryDelayMs?: number;
  readonly retryDelayMaxMs?: number;
  /** The API will not accept this pulse as it is, and the meter no longer holds it. */
  readonly onRejected?: (rejected: RejectedPulse, pulse: IdentifiedPulse) => void;
  readonly onDropped?: (pulse: IdentifiedPulse) => void;
  /**
   * An attempt failed, or some pulses were not confirmed (then `error` is undefined). It will be retried. Report it
   * when `refused` is true.
   */
  readonly onRetry?: (retry: MeterRetry) => void;
}

export interface MeterRetry {
  readonly error: unknown;
  /**
   * The token, its rights or the URL is wrong: nothing is sent until somebody changes that. The meter keeps trying, in
   * case it is changed on the other side.
   */
  readonly refused: boolean;
  /** Failed attempts in a row. */
  readonly attempt: number;
  readonly delayMs: number;
  /** Pulses in the buffer. */
  readonly bufferedCount: number;
}

type Defaulted = keyof typeof DEFAULTS;
/** The options with their defaults, checked. */
export type MeterSettings = MeterOptions & Required<Pick<MeterOptions, Defaulted>>;

const DEFAULTS = {
  flushIntervalMs: 1_000,
  batchSizeMax: 500,
  bufferSizeMax: 10_000,
  overflow: 'throw',
  retryDelayMs: 200,
  retryDelayMaxMs: 30_000,
} as const satisfies MeterOptions;
/** What the API takes in one request. */
const BATCH_SIZE_LIMIT = 1_000;

/**
 * An option that is undefined has its default.
 *
 * @throws RangeError A number with which the meter could never send, or would not do what it says.
 */
export function toSettings(options: MeterOptions): MeterSettings {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings: MeterSettings = { ...DEFAULTS, ...Object.fromEntries(given) };
  const { flushIntervalMs, batchSizeMax, bufferSizeMax, retryDelayMs, retryDelayMaxMs } = settings;
  check(
    { batchSizeMax },
    (size) => Number.isInteger(size) && size >= 1 && size <= BATCH_SIZE_LIMIT,
  );
  check({ bufferSizeMax }, (size) => size >= 1);
  for (const delay of [{ flushIntervalMs }, { retryDelayMs }, { retryDelayMaxMs }]) {
    check(delay, (ms) => ms >= 0);
  }
  return { ...settings, flushIntervalMs: timerMs(flushIntervalMs) };
}

/** Comparisons are false for NaN. */
function check(option: Readonly<Record<string, number>>, isFine: (value: number) => boolean): void {
  for (const [name, value] of Object.entries(option)) {
    if (!isFine(value)) throw new RangeError(`${name} cannot be ${value}.`);
  }
}
