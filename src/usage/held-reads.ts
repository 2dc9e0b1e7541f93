/**
 * Bounds how many questions read Redis at a time, and lets equal ones share a read.
 *
 * A read of all tenants, or of a batch without a complete field index, costs Redis a tenth of a second at 60,000
 * unflushed sums, time that ingest needs. So a few reads run at a time, one of each caller, and the others wait in
 * order. Questions with the same filter that wait share one read. A read that has started is not shared: it may have
 * passed the rows of a pulse that was counted before the question.
 */
import type { RowFilter } from '../aggregate/accumulator.ts';
import type { HeldReading } from './read-held.ts';

export interface HeldReads {
  /**
   * @param caller Reads of one caller run one at a time.
   * @throws HeldReadsBusyError Too many reads are waiting.
   */
  read(caller: string, filter: RowFilter): Promise<HeldReading>;
}

export interface HeldReadsOptions {
  /** Reads that run at a time. */
  readonly runningMax?: number;
  /** Reads that may wait, of one caller and of all. */
  readonly waitingMaxPerCaller?: number;
  readonly waitingMax?: number;
}

/** Too many reads are waiting. */
export class HeldReadsBusyError extends Error {
  override readonly name = 'HeldReadsBusyError';
  /** Whether those of this caller alone are too many. */
  readonly ofCaller: boolean;

  constructor(ofCaller: boolean) {
    super('Too many reads of Redis are waiting.');
    this.ofCaller = ofCaller;
  }
}

interface WaitingRead {
  readonly caller: string;
  readonly key: string;
  readonly result: Promise<HeldReading>;
  start(): void;
}

export function createHeldReads(
  readNow: (filter: RowFilter) => Promise<HeldReading>,
  { runningMax = 2, waitingMaxPerCaller = 16, waitingMax = 256 }: HeldReadsOptions = {},
): HeldReads {
  const waiting: WaitingRead[] = [];
  const runningCallers = new Set<string>();

  const startNext = (): void => {
    while (runningCallers.size < runningMax) {
      const index = waiting.findIndex(({ caller }) => !runningCallers.has(caller));
      const [next] = index === -1 ? [] : waiting.splice(index, 1);
      if (next === undefined) return;
      runningCallers.add(next.caller);
      next.start();
    }
  };

  const enqueue = (caller: string, key: string, filter: RowFilter): WaitingRead => {
    let start = (): void => undefined;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const result = started
      .then(() => readNow(filter))
      .finally(() => {
        runningCallers.delete(caller);
        startNext();
      });
    const read = { caller, key, result, start };
    waiting.push(read);
    return read;
  };

  return {
    read(caller, filter) {
      const key = JSON.stringify(filter);
      const equal = waiting.find((read) => read.key === key);
      if (equal !== undefined) return equal.result;
      const ownCount = waiting.filter((read) => read.caller === caller).length;
      const ofCaller = ownCount >= waitingMaxPerCaller;
      if (ofCaller || waiting.length >= waitingMax) {
        return Promise.reject(new HeldReadsBusyError(ofCaller));
      }
      const { result } = enqueue(caller, key, filter);
      startNext();
      return result;
    },
  };
}
