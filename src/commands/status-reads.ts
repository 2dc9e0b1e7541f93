/** The status and the examination, as one API process reads them for all its callers. */
import type { Finding } from '../aggregate/redis-durability.ts';
import type { Clients } from '../cli/clients.ts';
import type { PartRun } from '../cli/part.ts';
import { whyNotPublished } from '../doctor/check-publishing.ts';
import { examine } from '../doctor/examine.ts';
import { readCron } from '../flush/cron-clock.ts';
import { startDepthReader } from '../platform/depth-reader.ts';
import { serverOf } from '../platform/logger.ts';
import { createPool } from '../platform/postgres.ts';
import { pingRedis } from '../platform/redis.ts';
import { topologyNames, type QueueDepth } from '../platform/topology.ts';
import { startWatch } from '../platform/watch.ts';
import { createStatusRead } from '../status/read-status.ts';
import { startStatusReader, type StatusReader } from '../status/status-reader.ts';
import { askedQueueNames, messageQueueNames, messageRoutes } from './message-queues.ts';

/** An answer takes at most two seconds, and most servers answer within milliseconds. */
const ANSWER_WITHIN_MS = 1_500;
const STATEMENT_TIMEOUT_MS = 5_000;
const EXAMINED_WITHIN_MS = 10_000;
/** Each look opens a connection. */
const PUBLISHING_INTERVAL_MS = 30_000;

/** Has its own connections, because the status is asked for when everything else waits; the run closes it. */
export function startStatus(run: PartRun, clients: Clients): StatusReader {
  const { config, logger, closer, links } = run;
  const { servers, redis, accumulator } = clients;
  const pool = createPool(servers.databaseUrl, {
    name: 'pulse status',
    logger,
    connectionCountMax: 1,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  closer.add('status connection', () => pool.end());
  const depths = startDepthReader({ url: servers.rabbitmqUrl, name: 'pulse status', logger });
  closer.add('status queues', () => depths.close());
  const { exchange } = topologyNames(config.queue);
  const publishing = startWatch({
    name: 'publishing',
    intervalMs: PUBLISHING_INTERVAL_MS,
    // That RabbitMQ is unavailable is known already.
    look: () => whyNotPublished(servers.rabbitmqUrl, exchange, run.stop).catch(() => undefined),
    logger,
  });
  closer.add('publishing check', () => {
    publishing.close();
  });
  const flushClock = readCron(config.flush.cron);
  const urls = {
    rabbitmq: servers.rabbitmqUrl,
    redis: servers.redisUrl,
    postgres: servers.databaseUrl,
  };
  const readNow = createStatusRead(
    {
      ...{ pool, redis, accumulator },
      askRedis: () => pingRedis(redis),
      async readDepths(queues) {
        const found = new Map<string, QueueDepth>();
        for (const queue of queues) {
          const depth = await depths.find(queue);
          if (depth !== undefined) found.set(queue, depth);
        }
        return found;
      },
      // What the last look saw: one that waits for RabbitMQ must not hold up an answer.
      whyNotPublished: () => Promise.resolve(publishing.latest),
      flushCron: config.flush.cron,
      queues: {
        pulses: config.queue,
        messages: messageQueueNames(config.messages.prefix),
        asked: askedQueueNames(config.messages.prefix),
      },
      known: {
        oldestPulseSeconds: () => links.oldestPulseSeconds(),
        books: () => links.books(),
        nextFlushAt() {
          const tickMs = flushClock.nextTick(Date.now());
          return tickMs === undefined ? undefined : new Date(tickMs);
        },
      },
      onAsked(server, error) {
        if (error === undefined) return;
        // The connections log by themselves that they are lost, and the answer says what is missing.
        logger.debug({ err: error, server: serverOf(urls[server]) }, 'no answer for the status');
      },
    },
    { withinMs: ANSWER_WITHIN_MS },
  );
  const reader = startStatusReader({ readNow, logger });
  closer.add('status', () => {
    reader.close();
  });
  return reader;
}

export function createExamination(run: PartRun, clients: Clients): () => Promise<Finding[]> {
  const { config, logger, stop } = run;
  return () =>
    examine({
      ...clients,
      queue: config.queue,
      messageRoutes: messageRoutes(config.messages.prefix),
      messagePrefix: config.messages.prefix,
      windowSeconds: config.ingest.windowSeconds,
      flushCron: config.flush.cron,
      redisWait: { timeoutMs: EXAMINED_WITHIN_MS / 2, logger, signal: stop },
      withinMs: EXAMINED_WITHIN_MS,
    });
}
