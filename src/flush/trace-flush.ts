/** A span for every flush, linked to the batches of pulses that it writes. Used only when traces are on. */
import type { SealedBatch } from '../aggregate/accumulator.ts';
import { parseTraceparent } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { FlushReport } from './flush.ts';

export interface FlushTracing {
  /** A batch that this process has applied; the newest are kept until a flush. */
  readonly applied: (traceparents: readonly string[]) => void;
  aroundFlush(flush: () => Promise<FlushReport>): Promise<FlushReport>;
  readonly aroundBatch: <T extends string>(
    batch: SealedBatch,
    write: () => Promise<T>,
  ) => Promise<T>;
}

/** OpenTelemetry keeps no more links of a span. */
const LINKS_MAX = 128;

/** Batches that other processes have applied are not known here: the flush is not linked to those. */
export function createFlushTracing(tracing: Tracing): FlushTracing {
  let appliedSince: string[] = [];
  return {
    applied(traceparents) {
      appliedSince = [...appliedSince, ...traceparents].slice(-LINKS_MAX);
    },
    aroundFlush(flush) {
      const links = appliedSince.flatMap((traceparent) => parseTraceparent(traceparent) ?? []);
      appliedSince = [];
      return tracing.span('flush', { links }, async (span) => {
        const report = await flush();
        span.setAttributes({ 'pulse.rows': report.rowCount, 'pulse.batches': report.batchCount });
        return report;
      });
    },
    aroundBatch: ({ batchId, shard, rowCount, pulseCount }, write) =>
      tracing.span(
        'flush batch',
        {
          attributes: {
            'pulse.flush_batch_id': batchId,
            'pulse.shard': shard,
            'pulse.rows': rowCount,
            'pulse.pulses': Number(pulseCount),
          },
        },
        async (span) => {
          const outcome = await write();
          span.setAttribute('pulse.outcome', outcome);
          return outcome;
        },
      ),
  };
}
