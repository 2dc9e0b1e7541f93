/** Batches, and fakes of Redis and RabbitMQ that record their calls. */
import { pino } from 'pino';
import type { Publication } from '../../src/contract/publication.ts';
import { createBatchOpener, type Batch } from '../../src/ingest/batch.ts';
import { NO_ADMISSION } from '../../src/ingest/admission.ts';
import { createRefusedDeliveries, type RefusedDeps } from '../../src/ingest/refused-deliveries.ts';
import type { SettleDeps } from '../../src/ingest/settle-batch.ts';
import { BODY_LIMITS } from '../contract/body-outcomes.ts';
import { deliveryOf } from './delivery.ts';

type Append = SettleDeps['accumulator']['append'];

export function openBatch(shards = 1): Batch {
  const options = { batchSize: 100, shards, dedupeSecret: 'secret', limits: BODY_LIMITS };
  return createBatchOpener(options)();
}

export function batchOf(bodies: readonly unknown[], shards = 1): Batch {
  const batch = openBatch(shards);
  for (const [index, body] of bodies.entries()) {
    batch.add(deliveryOf(body, { tag: index + 1 }), Date.now());
  }
  return batch;
}

/** Dependencies that record their calls; everything is appended unless `changes` say otherwise. */
export function fakes(
  changes: {
    append?: Append;
    publish?: RefusedDeps['publishDeadLetter'];
    confirmWaitMs?: number;
    heldBytesMax?: number;
  } = {},
) {
  const log: string[] = [];
  const published: Publication[] = [];
  const failures: unknown[] = [];
  const stopping = new AbortController();
  const publishDeadLetter = async (publication: Publication): Promise<void> => {
    log.push(`publish ${String(publication.headers?.['x-pulse-reason'])}`);
    await changes.publish?.(publication);
    // A confirm takes some time.
    await new Promise((resolve) => setImmediate(resolve));
    log.push('confirmed');
    published.push(publication);
  };
  const refused = createRefusedDeliveries(
    { publishDeadLetter, deadExchange: 'pulses.dead', logger: pino({ level: 'silent' }) },
    {
      channel: {
        ack: ({ fields }, allUpTo) => log.push(`ack ${allUpTo ? '≤ ' : ''}${fields.deliveryTag}`),
        nack: ({ fields }) => log.push(`return ${fields.deliveryTag}`),
      },
      isOpen: () => true,
      ...(changes.confirmWaitMs === undefined ? {} : { confirmWaitMs: changes.confirmWaitMs }),
      ...(changes.heldBytesMax === undefined ? {} : { heldBytesMax: changes.heldBytesMax }),
      heldMax: 4,
      signal: stopping.signal,
      onFullChange: () => log.push(refused.isFull ? 'full' : 'room'),
      onFailure: (error) => failures.push(error),
    },
  );
  const deps: SettleDeps = {
    accumulator: {
      append: async (shard, pulseCount, entry) => {
        log.push(`append ${shard}`);
        await changes.append?.(shard, pulseCount, entry);
      },
    },
    refused,
    admission: NO_ADMISSION,
    onStep: (step) => log.push(step),
    retryForMs: 2_000,
    signal: stopping.signal,
  };
  return { deps, refused, log, published, failures, stopping };
}
