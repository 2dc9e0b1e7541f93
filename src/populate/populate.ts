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
import { generateMessages } from './generate-messages.ts';
import { createPublisher, type Publisher } from '../publish/publisher.ts';
import { publishAttributes } from '../publish/traced-publish.ts';

/** What a run should do. All at least 1. */
export interface PopulateRequest {
  /** Pulses. */
  readonly total: number;
  /** Publishers that share the work. */
  readonly workers: number;
  /** How many pulses each publisher may have unconfirmed, but at least one message. */
  readonly buffer: number;
  /** 1: each message is one pulse. More: each message is an array of so many, the last one of the rest. */
  readonly pulsesPerMessage: number;
}

export interface PopulateDeps {
  readonly url: string;
  readonly queue: string;
  readonly logger: Logger;
  /** What to publish, one pulse each, at most `total`. Default: good pulses of 100 tenants over the last hour. */
  readonly pulses?: Iterable<PopulateMessage>;
  /** Traces the run as one span; every pulse carries its context. */
  readonly tracing?: Tracing;
  /** Cancels the run when aborted. */
  readonly signal?: AbortSignal;
  /** The run fails when nothing has been confirmed for this long. */
  readonly giveUpAfterMs?: number;
  /** How long a publication waits for a connection before it counts as repeated. */
  readonly waitTimeoutMs?: number;
}

interface PopulateMessage {
  readonly body: Buffer;
  readonly messageId: string;
  /** Default: 1. */
  readonly pulseCount?: number;
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
  readonly messages: Iterator<PopulateMessage>;
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
  const { total: count, pulsesPerMessage } = request;
  const { pulses = generateMessages({ runId: id, nowMs: Date.now(), count, pulsesPerMessage }) } =
    deps;
  const run: Run = {
    messages: pulses[Symbol.iterator](),
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

/** The messages that hold so many pulses of a run, of which only the last is not full. */
export function messagesOf(
  { pulsesPerMessage }: Pick<PopulateRequest, 'pulsesPerMessage'>,
  pulseCount: number,
): number {
  return Math.ceil(pulseCount / pulsesPerMessage);
}

/** One span for the run: one per pulse would cost more than publishing it. */
async function runTraced(run: Run, deps: PopulateDeps, request: PopulateRequest): Promise<void> {
  const { tracing = NO_TRACING } = deps;
  const { exchange } = topologyNames(run.queue);
  const attributes = {
    ...publishAttributes(exchange),
    'messaging.batch.message_count': messagesOf(request, request.total),
  };
  await tracing.span('populate', { kind: SpanKind.PRODUCER, attributes }, async () => {
    const traceparent = tracing.traceparent();
    if (traceparent !== undefined) run.headers = { [TRACEPARENT]: traceparent };
    await runWorkers(run, deps, request);
  });
}

async function runWorkers(run: Run, deps: PopulateDeps, request: PopulateRequest): Promise<void> {
  const { workers, buffer, pulsesPerMessage } = request;
  const messageCount = messagesOf(request, request.total);
  const workerCount = Math.min(workers, messageCount);
  // In pulses, so that it limits the memory of a run whatever its messages hold.
  const window = Math.max(1, Math.floor(buffer / pulsesPerMessage));
  await Promise.all(
    Array.from({ length: workerCount }, async () => {
      const publisher = createPublisher({
        url: deps.url,
        name: 'pulse populate',
        logger: deps.logger,
        maxOutstanding: window,
        waitTimeoutMs: deps.waitTimeoutMs ?? WAIT_TIMEOUT_MS,
        prepare: (connection) => declareTopology(connection, deps.queue),
        onFatal: (error) => {
          fail(run, error);
        },
      });
      // Each lane has one publication in flight, so as many lanes make the window.
      const laneCount = Math.min(window, Math.ceil(messageCount / workerCount));
      await Promise.all(Array.from({ length: laneCount }, () => runLane(run, publisher)));
      await publisher.close(CLOSE_TIMEOUT_MS);
    }),
  );
}

async function runLane(run: Run, publisher: Publisher): Promise<void> {
  const { exchange, routingKey } = topologyNames(run.queue);
  const contentType = 'application/json';
  while (!run.stop.signal.aborted && run.remaining > 0) {
    const next = run.messages.next();
    if (next.done === true) return;
    const { body, messageId, pulseCount = 1 } = next.value;
    run.remaining -= pulseCount;
    run.published += pulseCount;
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
        run.confirmed += pulseCount;
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
