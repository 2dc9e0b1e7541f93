/** What every process that stays watches of the servers, whichever parts it runs. */
import type { Registry } from 'prom-client';
import { addRedisMetrics, startRedisWatch } from '../aggregate/redis-watch.ts';
import { addBooksMetrics, startBooksWatch } from '../flush/books-watch.ts';
import { addQueueMetrics, type OldestHeld } from '../ingest/queue-metrics.ts';
import { startQueueWatch } from '../ingest/queue-watch.ts';
import type { HeldDeliveries } from '../ingest/thread-messages.ts';
import { addPoolMetrics } from '../platform/pool-metrics.ts';
import { addWatchMetrics } from '../platform/watch.ts';
import type { CommandRun } from '../cli/command.ts';
import { openAccumulator, type Clients } from '../cli/clients.ts';

/**
 * Starts the watches; they are closed with the run. The API watches too: a worker that may not start, because
 * Redis is not durable say, could not tell anybody.
 *
 * @param options.held What the ingest threads of this process hold, one entry a thread; read at every scrape.
 */
export function startWatches(
  run: CommandRun,
  { servers, redis, pool }: Clients,
  { registry, held }: { registry: Registry; held: () => readonly HeldDeliveries[] },
): void {
  const { config, logger, closer } = run;
  const queue = startQueueWatch({ url: servers.rabbitmqUrl, queue: config.queue, logger });
  closer.add('queue watch', () => queue.close());
  const redisWatch = startRedisWatch(redis, logger);
  closer.add('redis watch', () => {
    redisWatch.close();
  });
  const books = startBooksWatch({ accumulator: openAccumulator(run, redis), pool, logger });
  closer.add('books watch', () => {
    books.close();
  });

  addQueueMetrics(registry, queue, () => oldestOf(held()));
  addRedisMetrics(registry, redisWatch);
  closer.add('flush ticks', addBooksMetrics(registry, { watch: books, cron: config.flush.cron }));
  addWatchMetrics(registry, { queue, redis: redisWatch, books });
  addPoolMetrics(registry, pool);
}

function oldestOf(held: readonly HeldDeliveries[]): OldestHeld | undefined {
  const ages = held.flatMap(({ oldestSentAtMs, oldestReceivedAtMs }) =>
    oldestSentAtMs === null || oldestReceivedAtMs === null
      ? []
      : [{ sentAtMs: oldestSentAtMs, receivedAtMs: oldestReceivedAtMs }],
  );
  return ages.sort((one, other) => one.sentAtMs - other.sentAtMs)[0];
}
