/** The parts of a worker, in the order in which they start: ingest last, so that it drains first. */
import { assertEpochFits, ensureEpoch } from '../aggregate/epoch.ts';
import { assertRedisIsSafe, checkRedisDurability } from '../aggregate/redis-durability.ts';
import { startRedisGuard } from '../aggregate/redis-guard.ts';
import { forgetOldIds } from '../aggregate/upgrade.ts';
import type { Part } from '../cli/part.ts';
import { toCheck } from '../cli/server-checks.ts';
import { createQuarantineMetrics } from '../quarantine/quarantine-metrics.ts';
import { startQuarantineWriter } from '../quarantine/writer.ts';
import { aggregatePart } from './aggregate-part.ts';
import { flushPart } from './flush-part.ts';
import { ingestPart } from './ingest-part.ts';

/**
 * Refuses a Redis that cannot be trusted with counts, or warns if the configuration allows it.
 *
 * @throws FatalError PULSE_REDIS_UNSAFE, PULSE_REDIS_EPOCH
 */
const redisGuard: Part = {
  name: 'redis guard',
  async check({ config, logger }, clients) {
    if (config.allowUnsafeRedis) {
      const findings = await checkRedisDurability(clients.redis);
      const dangers = findings.filter(({ status }) => status === 'danger');
      logger.warn(
        { variable: 'ALLOW_UNSAFE_REDIS', dangers },
        'counting with a redis that may lose what it has acknowledged',
      );
    } else await assertRedisIsSafe(clients.redis);
    await assertEpochFits(clients);
  },
  async start({ config, logger, closer, onFatal }, clients) {
    await ensureEpoch(clients);
    await forgetOldIds(clients.redis, config.shards);
    if (config.allowUnsafeRedis) return;
    const guard = startRedisGuard(clients.redis, { logger, onFatal });
    closer.add('redis guard', () => {
      guard.close();
    });
  },
};

const quarantineWriter: Part = {
  name: 'quarantine writer',
  start({ config, logger, closer, health, registry }, { servers, pool }) {
    const { queue } = config;
    const metrics = createQuarantineMetrics(registry);
    const writer = startQuarantineWriter({
      url: servers.rabbitmqUrl,
      queue,
      pool,
      logger,
      onParked: metrics.parked,
    });
    closer.add('quarantine writer', () => writer.close());
    health.add([
      toCheck('rabbitmq', () => writer.state !== 'waiting' && writer.state !== 'closed'),
    ]);
  },
};

export const WORKER_PARTS: readonly Part[] = [
  redisGuard,
  quarantineWriter,
  flushPart,
  aggregatePart,
  ingestPart,
];
