/** A run of fake producers: sends events at a steady rate until each is confirmed. */
import { setMaxListeners } from 'node:events';
import type { Publication } from '../contract/publication.ts';
import { PulseError, toError } from '../core/errors.ts';
import { FAKE_KINDS, type FakeEvent, type FakeKind } from '../events/fake-producers.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';

export interface ProduceDeps {
  readonly events: Iterator<FakeEvent, void>;
  readonly publish: (publication: Publication) => Promise<void>;
  readonly target: Pick<Publication, 'exchange' | 'routingKey'>;
  /** Events a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Stops the run when aborted; what is sent is still confirmed. */
  readonly signal: AbortSignal;
  /** The run fails when nothing has been confirmed for this long. */
  readonly giveUpAfterMs?: number;
}

export interface ProduceProgress {
  /** `stopped`: by the signal. */
  readonly state: 'running' | 'completed' | 'stopped' | 'failed';
  readonly sent: number;
  readonly confirmed: number;
  /** Publications that were repeated, with the same id; the queue may have some of them twice. */
  readonly retried: number;
  /** How many were sent of each kind. */
  readonly kinds: Readonly<Record<FakeKind, number>>;
  readonly seconds: number;
  /** Confirmed events a second, on average. */
  readonly ratePerSecond: number;
  /** One sentence, when the run failed. */
  readonly error: string | null;
}

export interface ProduceRun {
  progress(): ProduceProgress;
  /** Resolves with the final progress; never rejects. */
  readonly done: Promise<ProduceProgress>;
}

/** How many may be unconfirmed; the rate falls when RabbitMQ is slower than it. */
const UNCONFIRMED_MAX = 2_000;
const GIVE_UP_AFTER_MS = 30_000;
const RETRY = { baseMs: 100, capMs: 2_000 };

export function startProducing(deps: ProduceDeps): ProduceRun {
  const { signal, giveUpAfterMs = GIVE_UP_AFTER_MS } = deps;
  const startedMs = performance.now();
  const kinds = Object.fromEntries(FAKE_KINDS.map((kind) => [kind, 0])) as Record<FakeKind, number>;
  const counts = { sent: 0, confirmed: 0, retried: 0 };
  const failing = new AbortController();
  const halted = AbortSignal.any([signal, failing.signal]);
  // Every event that waits for a retry adds a listener.
  setMaxListeners(0, halted);
  const unconfirmed = new Set<Promise<void>>();
  let confirmedAtMs = startedMs;
  let endedMs: number | undefined;
  let error: Error | undefined;

  const send = async ({ kind, body, messageId }: FakeEvent): Promise<void> => {
    counts.sent += 1;
    kinds[kind] += 1;
    const timestampSec = Math.floor(Date.now() / 1000);
    const contentType = 'application/json';
    const publication = { ...deps.target, body, messageId, timestampSec, contentType };
    for (let attempt = 0; error === undefined; attempt++) {
      try {
        await deps.publish(publication);
        counts.confirmed += 1;
        confirmedAtMs = performance.now();
        return;
      } catch (failure) {
        const isLate = performance.now() - confirmedAtMs > giveUpAfterMs;
        if (!(failure instanceof PulseError && failure.retryable) || isLate || signal.aborted) {
          error ??= toError(failure);
          failing.abort();
          return;
        }
        counts.retried += 1;
        await sleep(backoffDelayMs(attempt, RETRY), halted);
      }
    }
  };
  const sendAll = async (): Promise<void> => {
    const pace = createPace(deps.rate, startedMs);
    const untilMs = startedMs + deps.seconds * 1000;
    while (!halted.aborted && performance.now() < untilMs) {
      const places = UNCONFIRMED_MAX - unconfirmed.size;
      for (let left = pace.take(performance.now(), places); left > 0; left--) {
        const next = deps.events.next();
        if (next.done === true) return;
        const sending = send(next.value).finally(() => unconfirmed.delete(sending));
        unconfirmed.add(sending);
      }
      await sleep(pace.waitMs(), halted);
    }
  };
  const stateNow = (): ProduceProgress['state'] => {
    if (endedMs === undefined) return 'running';
    if (error !== undefined) return 'failed';
    return signal.aborted ? 'stopped' : 'completed';
  };
  const progress = (): ProduceProgress => {
    const seconds = ((endedMs ?? performance.now()) - startedMs) / 1000;
    const ratePerSecond = seconds > 0 ? counts.confirmed / seconds : 0;
    const rounded = { seconds: round(seconds), ratePerSecond: round(ratePerSecond) };
    const message = error?.message ?? null;
    return { state: stateNow(), ...counts, kinds: { ...kinds }, ...rounded, error: message };
  };
  const finish = async (): Promise<ProduceProgress> => {
    await sendAll();
    await Promise.all(unconfirmed);
    endedMs = performance.now();
    return progress();
  };
  return { progress, done: finish() };
}

/** What a late timer may make up for; more is lost, so that a stall does not end in a burst. */
const CATCH_UP_MS = 50;

export interface Pace {
  /** How many may go now, at most `most`; they count as gone. */
  take(nowMs: number, most: number): number;
  /** Until the next may go. */
  waitMs(): number;
}

/** In any span of time go at most as many as the rate allows in it, and in 50 ms, and one. */
export function createPace(ratePerSecond: number, startMs: number): Pace {
  const perMs = ratePerSecond / 1000;
  let credit = 1;
  let lastMs = startMs;
  return {
    take(nowMs, most) {
      credit = Math.min(1 + CATCH_UP_MS * perMs, credit + (nowMs - lastMs) * perMs);
      lastMs = nowMs;
      const count = Math.min(Math.floor(credit), most);
      credit -= count;
      return count;
    },
    waitMs: () => Math.max(1, (1 - credit) / perMs),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
