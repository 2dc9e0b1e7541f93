/**
 * Records usage, sends it in batches, and retries what was not confirmed.
 *
 * Every pulse gets its id and its time when it is recorded and keeps them over every attempt, so Pulse
 * counts it once. It stays in the buffer until the API has accepted or rejected it. Nothing is dropped
 * silently.
 */
import type { IdentifiedPulse, Pulse, SendOutcome } from './api-types.ts';
import { identify } from './identify.ts';
import { toSettings, type MeterOptions, type MeterSettings } from './meter-options.ts';
import { isTemporary, retryDelayMs } from './retry.ts';
import { sleep, TIMER_MS_MAX } from './timers.ts';
import { PulseApiError } from './transport.ts';

export interface Meter {
  /** Pulses that are not yet accepted or rejected. */
  readonly bufferedCount: number;
  /** Why the last request failed; undefined when it did not. */
  readonly lastError: unknown;
  /**
   * Records a pulse and returns its id.
   *
   * @throws MeterFullError The buffer is full and `overflow` is `throw`: the pulse is not recorded.
   * @throws MeterClosedError The meter is closed.
   * @throws RangeError The amount is NaN or infinite.
   */
  record(pulse: Pulse): string;
  /**
   * Sends at once. Resolves to true when everything recorded before is settled; to false after `timeoutMs`, when
   * `close` has given up, or as soon as the answer is one that repeating will not change: the token, its rights or the
   * URL is wrong (401, 403, 404 and so on). `lastError` says which.
   */
  flush(timeoutMs?: number): Promise<boolean>;
  /**
   * Stops recording, sends the rest for at most `timeoutMs` (default: 30 seconds; Infinity waits without end, but not
   * after an answer that repeating will not change), and returns what is not settled then. `lastError` says why. Record it again later with the
   * same ids, and nothing counts twice.
   */
  close(timeoutMs?: number): Promise<readonly IdentifiedPulse[]>;
}

export class MeterFullError extends Error {
  override readonly name = 'MeterFullError';
}

export class MeterClosedError extends Error {
  override readonly name = 'MeterClosedError';
}

type Send = (
  pulses: readonly IdentifiedPulse[],
  options: { signal: AbortSignal },
) => Promise<readonly SendOutcome[]>;

const CLOSE_TIMEOUT_MS = 30_000;
/** Well below what the API takes in one body. */
const BATCH_CHARACTERS_MAX = 500_000;
/** The API takes such a pulse when the next hour begins. */
const TEMPORARY_REJECTION = 'too_many_sums';

interface Buffered {
  readonly sequence: number;
  readonly pulse: IdentifiedPulse;
  /** Of its JSON. */
  readonly characters: number;
}

/**
 * Creates a meter that sends through `send`. It holds a timer only while it holds pulses.
 *
 * @throws RangeError An option is out of range.
 */
export function createMeter(send: Send, options: MeterOptions = {}): Meter {
  return new BufferingMeter(send, options);
}

class BufferingMeter implements Meter {
  readonly #send: Send;
  readonly #options: MeterSettings;
  readonly #stopping = new AbortController();
  /** In the order of recording, but for pulses that the API takes later: those are behind the others. */
  #buffer: Buffered[] = [];
  #lastSequence = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> | undefined;
  #waiters: { sequence: number; resolve: (settled: boolean) => void }[] = [];
  #isClosed = false;
  #lastError: unknown;

  constructor(send: Send, options: MeterOptions) {
    this.#send = send;
    this.#options = toSettings(options);
  }

  get bufferedCount(): number {
    return this.#buffer.length;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  record(given: Pulse): string {
    if (this.#isClosed) throw new MeterClosedError('The meter is closed.');
    const pulse = identify(given);
    // Throws if a member cannot be written, such as a bigint.
    const characters = JSON.stringify(pulse).length;
    const { bufferSizeMax, overflow, batchSizeMax, flushIntervalMs } = this.#options;
    if (this.#buffer.length >= bufferSizeMax) {
      if (overflow === 'throw') {
        throw new MeterFullError(`The meter holds ${bufferSizeMax} pulses and takes no more.`);
      }
      this.#tell(() => this.#options.onDropped?.(pulse));
      return pulse.id;
    }
    this.#buffer.push({ sequence: ++this.#lastSequence, pulse, characters });
    if (this.#buffer.length >= batchSizeMax) this.#start();
    else
      this.#timer ??= setTimeout(() => {
        this.#start();
      }, flushIntervalMs);
    return pulse.id;
  }

  async flush(timeoutMs?: number): Promise<boolean> {
    if (this.#buffer.length === 0) return true;
    // Nothing is sent any more.
    if (this.#stopping.signal.aborted) return false;
    this.#start();
    return new Promise((resolve) => {
      const waiter = { sequence: this.#lastSequence, resolve };
      this.#waiters.push(waiter);
      if (timeoutMs === undefined || timeoutMs > TIMER_MS_MAX) return;
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((one) => one !== waiter);
        resolve(false);
      }, timeoutMs);
      waiter.resolve = (settled) => {
        clearTimeout(timer);
        resolve(settled);
      };
    });
  }

  async close(timeoutMs = CLOSE_TIMEOUT_MS): Promise<readonly IdentifiedPulse[]> {
    this.#isClosed = true;
    await this.flush(timeoutMs);
    this.#stopping.abort();
    await this.#sending;
    this.#giveUpWaiting();
    return this.#buffer.map(({ pulse }) => pulse);
  }

  #start(): void {
    this.#stopTimer();
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#stopping.signal.aborted || this.#buffer.length === 0) this.#stopTimer();
      // Recorded between the last look at the buffer and now.
      else this.#start();
    });
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Sends until the buffer is empty or the meter is closed, one request at a time. */
  async #sendAll(): Promise<void> {
    const { signal } = this.#stopping;
    const isStopping = (): boolean => signal.aborted;
    let attempt = 0;
    while (this.#buffer.length > 0 && !isStopping()) {
      const failure = await this.#sendBatch(signal);
      this.#lastError = failure?.error;
      if (failure === undefined) {
        attempt = 0;
        continue;
      }
      if (isStopping()) return;
      attempt += 1;
      const delayMs = retryDelayMs(attempt, failure.error, this.#options);
      const bufferedCount = this.#buffer.length;
      const refused = isRefused(failure.error);
      this.#tell(() =>
        this.#options.onRetry?.({ ...failure, refused, attempt, delayMs, bufferedCount }),
      );
      if (refused) this.#giveUpWaiting();
      await sleep(delayMs, signal);
    }
  }

  /** Removes settled pulses from the buffer. Returns a failure if something must be retried. */
  async #sendBatch(signal: AbortSignal): Promise<{ error: unknown } | undefined> {
    const batch = this.#nextBatch();
    let outcomes: readonly SendOutcome[];
    try {
      outcomes = await this.#send(
        batch.map(({ pulse }) => pulse),
        { signal },
      );
    } catch (error) {
      return { error };
    }
    const settled = new Set<Buffered>();
    const later = new Set<Buffered>();
    for (const outcome of outcomes) {
      const buffered = batch[outcome.index];
      if (buffered === undefined || outcome.status === 'unconfirmed') continue;
      if (outcome.status === 'rejected' && outcome.code === TEMPORARY_REJECTION) {
        later.add(buffered);
        continue;
      }
      settled.add(buffered);
      if (outcome.status === 'rejected') {
        this.#tell(() => this.#options.onRejected?.(outcome, buffered.pulse));
      }
    }
    const rest = this.#buffer.filter((buffered) => !settled.has(buffered) && !later.has(buffered));
    this.#buffer = [...rest, ...later];
    this.#wakeWaiters();
    return settled.size === batch.length ? undefined : { error: undefined };
  }

  #nextBatch(): Buffered[] {
    const batch: Buffered[] = [];
    let characters = 0;
    for (const buffered of this.#buffer) {
      characters += buffered.characters;
      const isFull = batch.length === this.#options.batchSizeMax;
      if (isFull || (batch.length > 0 && characters > BATCH_CHARACTERS_MAX)) break;
      batch.push(buffered);
    }
    return batch;
  }

  #wakeWaiters(): void {
    const oldest = this.#buffer.reduce(
      (least, { sequence }) => Math.min(least, sequence),
      Infinity,
    );
    const done = this.#waiters.filter(({ sequence }) => sequence < oldest);
    this.#waiters = this.#waiters.filter(({ sequence }) => sequence >= oldest);
    for (const { resolve } of done) resolve(true);
  }

  #giveUpWaiting(): void {
    for (const { resolve } of this.#waiters.splice(0)) resolve(false);
  }

  /** An error in a listener becomes an uncaught error and must not stop the sending. */
  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** The next request will be refused as well, until somebody changes the token, its rights, the URL or the API. */
function isRefused(error: unknown): boolean {
  return error instanceof PulseApiError && !isTemporary(error);
}
