/** Reads the status from the three servers. A command and the API share it. */
import type { Pool } from 'pg';
import type { Accumulator } from '../aggregate/accumulator.ts';
import { judgeEpochs } from '../aggregate/epoch.ts';
import { judgeFlush } from '../doctor/check-flush.ts';
import type { BooksVerdict } from '../flush/books-watch.ts';
import type { RedisClient } from '../platform/redis.ts';
import { createSharedRead } from '../platform/shared-read.ts';
import { topologyNames, type QueueDepth } from '../platform/topology.ts';
import { createPostgresRead } from './read-postgres.ts';
import { readRedis } from './read-redis.ts';
import { problemsOf, SERVER_NAMES, type Depth, type ServerName, type Status } from './status.ts';

export interface StatusDeps {
  readonly pool: Pick<Pool, 'query'>;
  readonly redis: RedisClient;
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
  /** Rejects, before anything is read, if Redis cannot be used. */
  readonly askRedis: () => Promise<unknown>;
  /** Without the queues that do not exist. */
  readonly readDepths: (queues: readonly string[]) => Promise<ReadonlyMap<string, QueueDepth>>;
  /** Why RabbitMQ takes no pulses of producers; undefined if it does. Asked only if their queue exists. */
  readonly whyNotPublished: () => Promise<string | undefined>;
  /** FLUSH_CRON. */
  readonly flushCron: string;
  readonly queues: {
    /** PULSE_QUEUE. */
    readonly pulses: string;
    readonly messages: readonly string[];
    /** Those of `messages` that nothing consumes. */
    readonly asked: readonly string[];
  };
  /** What the process knows without asking a server. */
  readonly known: {
    readonly oldestPulseSeconds: () => number | undefined;
    readonly books: () => BooksVerdict | undefined;
    readonly nextFlushAt: () => Date | undefined;
  };
  /** Called for each server that was asked, with the error if it did not answer. */
  readonly onAsked: (server: ServerName, error?: unknown) => void;
}

/** @param options.withinMs How long a server may take to answer; beyond it, it is unavailable. Default: no limit. */
export function createStatusRead(
  deps: StatusDeps,
  { withinMs }: { readonly withinMs?: number } = {},
): () => Promise<Status> {
  const { accumulator } = deps;
  const ask = <T>(server: ServerName, read: () => Promise<T>) => {
    const limit = withinMs === undefined ? {} : { withinMs };
    const shared = createSharedRead({ read, ...limit, keepMs: 0 });
    return async (): Promise<T | undefined> => {
      try {
        const found = await shared();
        deps.onAsked(server);
        return found;
      } catch (error) {
        deps.onAsked(server, error);
        return undefined;
      }
    };
  };
  const askRabbit = ask('rabbitmq', () => readQueues(deps));
  const askPostgres = ask('postgres', createPostgresRead(deps.pool));
  const askRedis = ask('redis', async () => {
    await deps.askRedis();
    return readRedis(deps.redis, accumulator);
  });

  return async () => {
    const [rabbit, postgres, redis] = await Promise.all([askRabbit(), askPostgres(), askRedis()]);
    const verdict = postgres && redis && judgeEpochs(postgres.epoch, redis.epochs);
    const answers = { rabbitmq: rabbit, redis, postgres };
    const isWhole = postgres !== undefined && redis !== undefined;
    const found = {
      at: new Date(),
      ingest: postgres?.ingest ?? null,
      queue: rabbit?.queue ?? null,
      deadQueue: rabbit?.deadQueue ?? null,
      parkedQueue: rabbit?.parkedQueue ?? null,
      messageQueues: rabbit?.messageQueues ?? null,
      oldestPulseSeconds: oldestPulse(rabbit?.queue ?? null, deps.known.oldestPulseSeconds()),
      // A Redis that has lost its data does not know the sums.
      sums: redis === undefined || verdict === 'different' ? null : redis.sums,
      books: (isWhole ? deps.known.books() : undefined) ?? null,
      lastFlushAt: postgres?.lastFlushAt ?? null,
      nextFlushAt: deps.known.nextFlushAt() ?? null,
      deadLetters: postgres?.deadLetters ?? null,
      outbox: postgres?.outbox ?? null,
      deliveries: postgres?.deliveries ?? null,
      workflows: postgres?.workflows ?? null,
      exports: postgres?.exports ?? null,
      unavailable: SERVER_NAMES.filter((server) => answers[server] === undefined),
    };
    const { shards } = accumulator;
    const { unserved, changeDueSeconds, unannouncedSeconds, storedShards } = postgres ?? {};
    const batches = verdict === 'different' ? [] : (redis?.batches ?? []);
    const flush = judgeFlush(batches, { flushCron: deps.flushCron, nowMs: Date.now() });
    const hidden = {
      unserved,
      changeDueSeconds,
      unannouncedSeconds,
      verdict,
      shards,
      storedShards,
      notPublished: rabbit?.notPublished,
      isFlushLate: flush.status !== 'ok',
    };
    return { ...found, problems: problemsOf(found, hidden) };
  };
}

/** Zero says nothing while pulses wait: other processes may hold older ones. */
function oldestPulse(queue: Depth | null, seconds: number | undefined): number | null {
  if (queue === null || seconds === undefined) return null;
  return seconds === 0 && queue.ready > 0 ? null : Math.round(seconds);
}

async function readQueues({ readDepths, whyNotPublished, queues }: StatusDeps) {
  const names = topologyNames(queues.pulses);
  const depths = await readDepths([
    ...[names.queue, names.deadQueue, names.parkedQueue],
    ...queues.messages,
  ]);
  const depthOf = (queue: string): Depth | null => {
    const depth = depths.get(queue);
    return depth === undefined ? null : { ready: depth.readyCount, consumers: depth.consumerCount };
  };
  return {
    notPublished: depths.has(names.queue) ? await whyNotPublished() : undefined,
    queue: depthOf(names.queue),
    deadQueue: depthOf(names.deadQueue),
    parkedQueue: depthOf(names.parkedQueue),
    messageQueues: queues.messages.flatMap((name) => {
      const depth = depthOf(name);
      return depth === null
        ? []
        : [{ name, ...depth, needsConsumers: !queues.asked.includes(name) }];
    }),
  };
}
