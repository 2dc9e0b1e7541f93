/**
 * What every long-running process watches, whichever other parts it runs. The API watches too: a worker that
 * refuses to start, for example because Redis is not durable, could not report it.
 */
import { addRedisMetrics, startRedisWatch } from '../aggregate/redis-watch.ts';
import type { Part } from '../cli/part.ts';
import { addBooksMetrics, startBooksWatch } from '../flush/books-watch.ts';
import { addQueueMetrics, oldestPulseAgeSeconds } from '../ingest/queue-metrics.ts';
import { startQueueWatch } from '../ingest/queue-watch.ts';
import { addPoolMetrics } from '../platform/pool-metrics.ts';

const queueWatch: Part = {
  name: 'queue watch',
  start({ config, logger, closer, registry, watches, links }, { servers }) {
    const watch = startQueueWatch({ url: servers.rabbitmqUrl, queue: config.queue, logger });
    closer.add('queue watch', () => watch.close());
    addQueueMetrics(registry, watch, () => links.oldestHeld());
    links.oldestPulseSeconds = () => oldestPulseAgeSeconds(watch, links.oldestHeld(), Date.now());
    watches.queue = watch;
  },
};

const redisWatch: Part = {
  name: 'redis watch',
  start({ logger, closer, registry, watches }, { redis }) {
    const watch = startRedisWatch(redis, logger);
    closer.add('redis watch', () => {
      watch.close();
    });
    addRedisMetrics(registry, watch);
    watches.redis = watch;
  },
};

const booksWatch: Part = {
  name: 'books watch',
  start({ config, logger, closer, registry, watches, links }, { accumulator, pool }) {
    const watch = startBooksWatch({ accumulator, pool, logger });
    links.books = () => watch.latest?.verdict;
    closer.add('books watch', () => {
      watch.close();
    });
    addBooksMetrics(registry, { watch, cron: config.flush.cron });
    watches.books = watch;
  },
};

const poolMetrics: Part = {
  name: 'postgres pool',
  start({ registry }, { pool }) {
    addPoolMetrics(registry, pool);
  },
};

export const WATCH_PARTS: readonly Part[] = [queueWatch, redisWatch, booksWatch, poolMetrics];
