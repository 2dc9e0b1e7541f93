/**
 * Time in the simulation: nothing waits. Timers become tasks whose order the scheduler draws.
 *
 * A timer that is due within HORIZON_MS competes with everything else that may happen, as if the rest of the
 * system could be that slow. A later timer waits until nothing else is left to do, or until time jumps. Intervals
 * alone never make time pass, and neither do patient timers, by which something waits for work, unless there is work.
 */

/** How late a server's reply may be, relative to a timer that is set at the same moment. */
const HORIZON_MS = 200;

type Callback = (...args: unknown[]) => void;

interface Timer {
  readonly callback: Callback;
  readonly args: readonly unknown[];
  /** Zero for a timeout. */
  readonly periodMs: number;
  dueMs: number;
  offered: boolean;
  readonly patient: boolean;
}

/** What `setTimeout` returns: enough of Node's own class for the code under test. */
class Handle {
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}

export class VirtualClock {
  readonly #timers = new Map<Handle, Timer>();
  readonly #offer: (label: string, run: () => void) => void;
  #nowMs = 0;
  #wallMs: number;
  #nextIsPatient = false;

  /** @param offer Hands a task to the scheduler. */
  constructor(offer: (label: string, run: () => void) => void, wallMs: number) {
    this.#offer = offer;
    this.#wallMs = wallMs;
  }

  /** The monotonic clock. */
  now(): number {
    return this.#nowMs;
  }

  /** The wall clock, which can be adjusted. */
  wallNow(): number {
    return this.#wallMs + this.#nowMs;
  }

  /** Moves only the wall clock, in either direction. */
  stepWall(ms: number): void {
    this.#wallMs += ms;
  }

  /** Lets time pass: everything that is due by then may fire. */
  pass(ms: number): void {
    this.#advanceTo(this.#nowMs + ms);
  }

  /** The next timer that the current task sets is patient. */
  makeNextPatient(): void {
    this.#nextIsPatient = true;
  }

  forgetPatience(): void {
    this.#nextIsPatient = false;
  }

  /** Advances to the next timeout, with `work` also to a patient one. False when there is none. */
  passToNext(work: boolean): boolean {
    let nextMs = Infinity;
    for (const { dueMs, periodMs, offered, patient } of this.#timers.values()) {
      if (periodMs === 0 && !offered && (work || !patient)) nextMs = Math.min(nextMs, dueMs);
    }
    if (nextMs === Infinity) return false;
    this.#advanceTo(nextMs);
    return true;
  }

  setTimeout(callback: Callback, ms: number, ...args: unknown[]): Handle {
    return this.#add({ callback, args, periodMs: 0, dueMs: this.#nowMs + ms });
  }

  setInterval(callback: Callback, ms: number, ...args: unknown[]): Handle {
    return this.#add({ callback, args, periodMs: ms, dueMs: this.#nowMs + ms });
  }

  clear(handle: unknown): void {
    if (handle instanceof Handle) this.#timers.delete(handle);
  }

  #add(timer: Omit<Timer, 'offered' | 'patient'>): Handle {
    const handle = new Handle();
    this.#timers.set(handle, { ...timer, offered: false, patient: this.#nextIsPatient });
    this.#nextIsPatient = false;
    this.#offerDue();
    return handle;
  }

  #advanceTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
    this.#offerDue();
  }

  #offerDue(): void {
    for (const [handle, timer] of this.#timers) {
      const horizonMs = timer.periodMs === 0 && !timer.patient ? HORIZON_MS : 0;
      if (timer.offered || timer.dueMs > this.#nowMs + horizonMs) continue;
      timer.offered = true;
      this.#offer(timer.periodMs === 0 ? 'timer' : 'interval', () => {
        this.#fire(handle, timer);
      });
    }
  }

  #fire(handle: Handle, timer: Timer): void {
    if (!this.#timers.has(handle)) return;
    if (timer.periodMs === 0) {
      this.#timers.delete(handle);
    } else {
      timer.dueMs = Math.max(timer.dueMs, this.#nowMs) + timer.periodMs;
      timer.offered = false;
    }
    this.#advanceTo(timer.periodMs === 0 ? timer.dueMs : this.#nowMs);
    timer.callback(...timer.args);
  }
}

/** Replaces the process's clock, and its randomness by a repeatable one. Returns a function that restores both. */
export function installClock(clock: VirtualClock, random: () => number): () => void {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const kept = { dateNow: Date.now, now: performance.now.bind(performance), random: Math.random };
  Object.assign(globalThis, {
    setTimeout: clock.setTimeout.bind(clock),
    setInterval: clock.setInterval.bind(clock),
    clearTimeout: clock.clear.bind(clock),
    clearInterval: clock.clear.bind(clock),
  });
  Date.now = () => clock.wallNow();
  performance.now = () => clock.now();
  Math.random = random;
  return () => {
    Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
    Date.now = kept.dateNow;
    performance.now = kept.now;
    Math.random = kept.random;
  };
}

/** `setTimeout` of `node:timers/promises` on the installed clock. */
export function delay(ms: number, value: unknown, options: { signal?: AbortSignal } = {}) {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new Error('The operation was aborted'));
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new Error('The operation was aborted'));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve(value);
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
