/** A populate run: fills the queue with generated pulses over several publishers at once. */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { SpanKind } from '@opentelemetry/api';
import { PulseError, RejectedError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';
import { TRACEPARENT } from '../core/trace-context.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { declareTopology, topologyNames } from '../platform/topology.ts';
import { NO_TRACING, type Tracing } from '../platform/tracing.ts';
import { generatePulses } from './generate-pulses.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';
import { publishAttributes } from '../publish/traced-publish.ts';

/** What a run should do. All at least 1. */
export interface PopulateRequest {
  /** Pulses. */
  readonly total: number;
  /** Publishers that share the work. */
  readonly workers: number;
  /** How many pulses each publisher may have unconfirmed. */
  readonly buffer: number;
}

export interface PopulateDeps {
  readonly url: string;
  readonly queue: string;
  readonly logger: Logger;
  /** What to publish, at most `total`. Default: good pulses of 100 tenants over the last hour. */
  readonly pulses?: Iterable<{ readonly body: Buffer; readonly messageId: string }>;
  /** Traces the run as one span; every pulse carries its context. */
  readonly tracing?: Tracing;
  /** Cancels the run when aborted. */
  readonly signal?: AbortSignal;
  /** The run fails when nothing has been confirmed for this long. */
  readonly giveUpAfterMs?: number;
  /** How long a publication waits for a connection before it counts as repeated. */
  readonly waitTimeoutMs?: number;
}

/** `interrupted` is only ever read back from Postgres: the process of that run is gone. */
export type PopulateState = 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted';

export interface PopulateProgress extends PopulateRequest {
  readonly id: string;
  readonly state: PopulateState;
  /** Pulses handed to the broker at least once. */
  readonly published: number;
  /** Pulses that RabbitMQ has stored. */
  readonly confirmed: number;
  /** Publications that were repeated, with the same id. */
  readonly retried: number;
  /** Confirmed pulses per second, on average since the start. */
  readonly ratePerSecond: number;
  /** One sentence, when the run failed. */
  readonly error: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** A run of this process. */
export interface PopulateRun {
  readonly id: string;
  progress(): PopulateProgress;
  /** Resolves with the final progress; never rejects. */
  readonly done: Promise<PopulateProgress>;
  cancel(): void;
}

const GIVE_UP_AFTER_MS = 120_000;
const WAIT_TIMEOUT_MS = 30_000;
const RETRY = { baseMs: 100, capMs: 2_000 };
const CLOSE_TIMEOUT_MS = 5_000;

/** What the lanes of one run share. */
interface Run {
  readonly pulses: Iterator<{ readonly body: Buffer; readonly messageId: string }>;
  readonly queue: string;
  readonly giveUpAfterMs: number;
  readonly stop: AbortController;
  /** Of every pulse; undefined when traces are off. */
  headers: Publication['headers'];
  published: number;
  confirmed: number;
  retried: number;
  confirmedAtMs: number;
  remaining: number;
  error: Error | undefined;
}

/**
 * Starts a run. It survives the loss of the broker: unconfirmed pulses are published again with the same id,
 * so that in the end every pulse is confirmed and no id is new.
 */
export function startPopulateRun(deps: PopulateDeps, request: PopulateRequest): PopulateRun {
  const id = randomUUID();
  const startedAt = new Date();
  const run: Run = {
    pulses: (deps.pulses ?? defaultPulses(id, request.total))[Symbol.iterator](),
    queue: deps.queue,
    giveUpAfterMs: deps.giveUpAfterMs ?? GIVE_UP_AFTER_MS,
    stop: new AbortController(),
    headers: undefined,
    published: 0,
    confirmed: 0,
    retried: 0,
    confirmedAtMs: performance.now(),
    remaining: request.total,
    error: undefined,
  };
  // Every lane that waits for a retry adds a listener.
  setMaxListeners(0, run.stop.signal);
  let finishedAt: Date | null = null;
  let cancelled = false;
  const cancel = (): void => {
    cancelled = true;
    run.stop.abort();
  };
  deps.signal?.addEventListener('abort', cancel, { once: true });
  if (deps.signal?.aborted === true) cancel();

  const stateNow = (): PopulateState => {
    if (finishedAt === null) return 'running';
    if (run.error !== undefined) return 'failed';
    return cancelled ? 'cancelled' : 'completed';
  };
  const progress = (): PopulateProgress => {
    const elapsedSeconds = ((finishedAt ?? new Date()).getTime() - startedAt.getTime()) / 1000;
    return {
      id,
      ...request,
      state: stateNow(),
      published: run.published,
      confirmed: run.confirmed,
      retried: run.retried,
      ratePerSecond: elapsedSeconds > 0 ? run.confirmed / elapsedSeconds : 0,
      error: run.error?.message ?? null,
      startedAt,
      finishedAt,
    };
  };
  const finish = async (): Promise<PopulateProgress> => {
    await runTraced(run, deps, request).catch((error: unknown) => {
      fail(run, error);
    });
    deps.signal?.removeEventListener('abort', cancel);
    finishedAt = new Date();
    return progress();
  };
  return { id, progress, done: finish(), cancel };
}

function defaultPulses(runId: string, count: number) {
  const traffic = { tenants: 100, skus: 20, units: 3, hours: 1, duplicateRatio: 0, badRatio: 0 };
  const seed = Number.parseInt(runId.slice(0, 8), 16);
  return generatePulses({ ...traffic, seed, count, runId, nowMs: Date.now() });
}

/** One span for the run: one per pulse would cost more than publishing it. */
async function runTraced(run: Run, deps: PopulateDeps, request: PopulateRequest): Promise<void> {
  const { tracing = NO_TRACING } = deps;
  const { exchange } = topologyNames(run.queue);
  const attributes = {
    ...publishAttributes(exchange),
    'messaging.batch.message_count': request.total,
  };
  await tracing.span('populate', { kind: SpanKind.PRODUCER, attributes }, async () => {
    const traceparent = tracing.traceparent();
    if (traceparent !== undefined) run.headers = { [TRACEPARENT]: traceparent };
    await runWorkers(run, deps, request);
  });
}

async function runWorkers(run: Run, deps: PopulateDeps, request: PopulateRequest): Promise<void> {
  const { total, workers, buffer } = request;
  const workerCount = Math.min(workers, total);
  await Promise.all(
    Array.from({ length: workerCount }, async () => {
      const publisher = createPublisher({
        url: deps.url,
        name: 'pulse populate',
        logger: deps.logger,
        maxOutstanding: buffer,
        waitTimeoutMs: deps.waitTimeoutMs ?? WAIT_TIMEOUT_MS,
        prepare: (connection) => declareTopology(connection, deps.queue),
        onFatal: (error) => {
          fail(run, error);
        },
      });
      // Each lane has one publication in flight, so `buffer` lanes make the window.
      const laneCount = Math.min(buffer, Math.ceil(total / workerCount));
      await Promise.all(Array.from({ length: laneCount }, () => runLane(run, publisher)));
      await publisher.close(CLOSE_TIMEOUT_MS);
    }),
  );
}

async function runLane(run: Run, publisher: Publisher): Promise<void> {
  const { exchange, routingKey } = topologyNames(run.queue);
  const contentType = 'application/json';
  while (!run.stop.signal.aborted && run.remaining > 0) {
    const next = run.pulses.next();
    if (next.done === true) return;
    run.remaining -= 1;
    run.published += 1;
    const { body, messageId } = next.value;
    const publication = {
      exchange,
      routingKey,
      contentType,
      headers: run.headers,
      body,
      messageId,
      // Tells how long the pulse has waited in the queue.
      timestampSec: Math.floor(Date.now() / 1000),
    };
    for (let attempt = 0; ; attempt++) {
      try {
        await publisher.publish(publication);
        run.confirmed += 1;
        run.confirmedAtMs = performance.now();
        break;
      } catch (error) {
        if (!mayRetry(run, error)) return;
        run.retried += 1;
        await sleep(backoffDelayMs(attempt, RETRY), run.stop.signal);
      }
    }
  }
}

function mayRetry(run: Run, error: unknown): boolean {
  if (run.stop.signal.aborted) return false;
  const patient = performance.now() - run.confirmedAtMs < run.giveUpAfterMs;
  if (error instanceof PulseError && error.retryable && patient) return true;
  fail(run, error);
  return false;
}

/** Keeps the first error: those that follow come from stopping. */
function fail(run: Run, error: unknown): void {
  run.error ??=
    error instanceof Error
      ? error
      : new RejectedError('PULSE_PUBLISH_UNCONFIRMED', 'Unknown error.', { cause: error });
  run.stop.abort();
}
