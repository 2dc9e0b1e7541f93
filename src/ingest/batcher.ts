/**
 * Collects deliveries into batches, settles a few batches at a time, and acknowledges them in order.
 *
 * States of a batch: `open` (takes deliveries) → `waiting` (full or lingered, too many in flight) → `settling`
 * (publishes dead letters, applies sums) → `settled` (waits for every batch before it) → `acknowledged`, except for
 * deliveries that are held because their dead letters cannot be published.
 * A batch that cannot be settled stops the batcher: nothing after it is ever acknowledged, so the broker redelivers
 * all of it.
 */

export interface BatchLike<D> {
  readonly isFull: boolean;
  add(delivery: D, receivedAtMs: number): void;
}

export interface BatcherDeps<D, B extends BatchLike<D>> {
  openBatch(): B;
  /** Resolves when every pulse of the batch is durably applied, dead-lettered, or held back by `acknowledge`. */
  settle(batch: B): Promise<void>;
  /** Acknowledges the batch. Called in delivery order. */
  acknowledge(batch: B): void;
  /** Called once, with what `settle` or `acknowledge` threw. */
  onFailure(error: unknown): void;
  now(): number;
}

export interface BatcherOptions {
  readonly lingerMs: number;
  /** With 2, parsing and Redis overlap. */
  readonly inFlightMax: number;
}

export interface Batcher<D> {
  add(delivery: D): void;
  /** Takes no more; settles and acknowledges what it has. Rejects with the failure that stopped it, if any. */
  drain(): Promise<void>;
  /** Drops what it has; acknowledges nothing more. */
  abandon(): void;
}

/** Holds no timer while it is empty. */
export function createBatcher<D, B extends BatchLike<D>>(
  deps: BatcherDeps<D, B>,
  { lingerMs, inFlightMax }: BatcherOptions,
): Batcher<D> {
  const waiting: B[] = [];
  let open: B | undefined;
  let lingered = false;
  let timer: NodeJS.Timeout | undefined;
  let inFlight = 0;
  let state: 'taking' | 'draining' | 'stopped' = 'taking';
  let acknowledged: Promise<void> = Promise.resolve();

  const close = (): void => {
    if (open === undefined) return;
    clearTimeout(timer);
    waiting.push(open);
    open = undefined;
    pump();
  };

  const pump = (): void => {
    while (state !== 'stopped' && inFlight < inFlightMax) {
      if (waiting.length === 0 && lingered) close();
      const batch = waiting.shift();
      if (batch === undefined) return;
      start(batch);
    }
  };

  const start = (batch: B): void => {
    inFlight += 1;
    const settled = deps.settle(batch).then(() => {
      inFlight -= 1;
      pump();
    });
    acknowledged = Promise.all([acknowledged, settled]).then(() => {
      if (state !== 'stopped') deps.acknowledge(batch);
    });
    acknowledged.catch((error: unknown) => {
      if (state === 'stopped') return;
      abandon();
      deps.onFailure(error);
    });
  };

  const abandon = (): void => {
    state = 'stopped';
    clearTimeout(timer);
    open = undefined;
    waiting.length = 0;
  };

  return {
    add(delivery) {
      // The broker may still deliver after a cancel; it redelivers what is not taken.
      if (state !== 'taking') return;
      if (open === undefined) {
        open = deps.openBatch();
        lingered = false;
        timer = setTimeout(() => {
          lingered = true;
          if (inFlight < inFlightMax) close();
        }, lingerMs);
      }
      open.add(delivery, deps.now());
      if (open.isFull) close();
    },

    async drain() {
      if (state === 'taking') state = 'draining';
      close();
      while (inFlight > 0 || waiting.length > 0) await acknowledged;
      await acknowledged;
    },

    abandon,
  };
}
