/** A span for every batch, linked to the traces of the pulses in it. */
import { SpanKind } from '@opentelemetry/api';
import type { Accumulator } from '../aggregate/accumulator.ts';
import {
  isSampled,
  parseTraceparent,
  TRACEPARENT,
  type TraceContext,
} from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { Batch } from './batch.ts';
import type { DeliveryOrigin } from '../contract/dead-letter.ts';
import type { IngestCounts } from './thread-messages.ts';

/** Calls `settle`, with more around it. */
export type AroundBatch = (
  batch: Pick<Batch, 'deliveries' | 'pulseCount'>,
  settle: () => Promise<IngestCounts>,
) => Promise<IngestCounts>;

export const UNTRACED: AroundBatch = (_batch, settle) => settle();

/** Links of one batch. The pulses of one request or populate run share a context and need one link. */
const LINKS_MAX = 32;

/**
 * @param onTraced Receives the `traceparent` of each batch that was recorded, once it is settled.
 */
export function traceBatches(
  tracing: Tracing,
  { queue, onTraced }: { queue: string; onTraced: (traceparent: string) => void },
): AroundBatch {
  if (!tracing.enabled) return UNTRACED;
  return (batch, settle) =>
    tracing.span(
      `process ${queue}`,
      {
        kind: SpanKind.CONSUMER,
        attributes: {
          'messaging.system': 'rabbitmq',
          'messaging.operation.type': 'process',
          'messaging.destination.name': queue,
          'messaging.batch.message_count': batch.deliveries.count,
          'pulse.received': batch.pulseCount,
        },
        links: contextsOf(batch.deliveries.origins),
      },
      async (span) => {
        const traceparent = tracing.traceparent();
        const counts = await settle();
        span.setAttribute('pulse.appended', counts.appended);
        if (traceparent !== undefined) onTraced(traceparent);
        return counts;
      },
    );
}

/** Runs `append` in a span. */
export function traceAppend(
  append: Accumulator['append'],
  tracing: Tracing,
): Accumulator['append'] {
  if (!tracing.enabled) return append;
  return (shard, pulseCount, entry) =>
    tracing.span(
      'append',
      { kind: SpanKind.CLIENT, attributes: { 'db.system.name': 'redis', 'pulse.shard': shard } },
      () => append(shard, pulseCount, entry),
    );
}

/** The recorded traces of the deliveries, each once. */
function contextsOf(origins: readonly DeliveryOrigin[]): TraceContext[] {
  const found = new Map<unknown, TraceContext>();
  let last: unknown;
  for (const { properties } of origins) {
    const { headers } = properties as { headers?: Readonly<Record<string, unknown>> };
    const value = headers?.[TRACEPARENT];
    if (value === undefined || value === last) continue;
    last = value;
    const context = found.has(value) ? undefined : parseTraceparent(value);
    if (context !== undefined && isSampled(context)) found.set(value, context);
    if (found.size === LINKS_MAX) break;
  }
  return [...found.values()];
}
