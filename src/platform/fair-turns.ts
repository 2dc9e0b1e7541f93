/**
 * Turns at something scarce, shared fairly: work of one share waits for other work of the same share, and hardly
 * ever for that of another, however much of it there is.
 */
import { TransientError } from '../core/errors.ts';

export interface FairTurnsOptions {
  /** How much work runs at a time, of all shares and of one. */
  readonly runningMax: number;
  readonly runningMaxPerShare: number;
  /** How much work of one share may wait. */
  readonly waitingMaxPerShare: number;
  /** How long it may wait. */
  readonly waitMs: number;
  /** The error of work that gets no turn. Default: PULSE_POSTGRES_BUSY. */
  readonly refusal?: () => Error;
}

export interface FairTurns {
  /**
   * Runs `work` at its turn. Shares take turns; within a share the order is kept.
   *
   * @throws TransientError PULSE_POSTGRES_BUSY, or `refusal`: too much of this share waits already, or the turn did
   * not come in time. `work` was not called.
   */
  run<Result>(share: string, work: () => Promise<Result>): Promise<Result>;
}

interface Share {
  running: number;
  readonly waiting: (() => void)[];
}

export function createFairTurns(options: FairTurnsOptions): FairTurns {
  const { runningMax, runningMaxPerShare, waitingMaxPerShare, waitMs } = options;
  const refuse = (message: string): Error => options.refusal?.() ?? busy(message);
  /** In the order of their turns: a share that starts or ends work goes to the end. */
  const shares = new Map<string, Share>();
  let running = 0;

  const moveToEnd = (name: string, share: Share): void => {
    shares.delete(name);
    shares.set(name, share);
  };

  const dropIfIdle = (name: string, share: Share): void => {
    if (share.running === 0 && share.waiting.length === 0) shares.delete(name);
  };

  const startNext = (): void => {
    // A share that goes to the end is visited again.
    for (const [name, share] of shares) {
      if (running >= runningMax) return;
      if (share.running >= runningMaxPerShare) continue;
      const start = share.waiting.shift();
      if (start === undefined) continue;
      running += 1;
      share.running += 1;
      moveToEnd(name, share);
      start();
    }
  };

  const leave = (name: string, share: Share): void => {
    running -= 1;
    share.running -= 1;
    moveToEnd(name, share);
    dropIfIdle(name, share);
    startNext();
  };

  const turnOf = (name: string, share: Share): Promise<void> =>
    new Promise((resolve, reject) => {
      const start = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        share.waiting.splice(share.waiting.indexOf(start), 1);
        dropIfIdle(name, share);
        reject(refuse(`No turn came within ${waitMs / 1000} s.`));
      }, waitMs);
      share.waiting.push(start);
      startNext();
    });

  return {
    async run(name, work) {
      const share = shares.get(name) ?? { running: 0, waiting: [] };
      if (share.waiting.length >= waitingMaxPerShare) {
        throw refuse('Too many requests from the same callers are waiting.');
      }
      shares.set(name, share);
      await turnOf(name, share);
      try {
        return await work();
      } finally {
        leave(name, share);
      }
    },
  };
}

function busy(message: string): TransientError {
  return new TransientError('PULSE_POSTGRES_BUSY', message);
}
