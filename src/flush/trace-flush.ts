/** A span for every flush, linked to the batches of pulses that it writes, and one for every batch in it. */
import type { SealedBatch } from '../aggregate/accumulator.ts';
import { parseTraceparent } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';

/** What a flush wrote, as its span tells. */
interface Written {
  readonly rowCount: number;
  readonly batchCount: number;
}

export interface FlushTracing {
  /** Remembers batches that this process has applied, for the links of the next flush. */
  readonly applied: (traceparents: readonly string[]) => void;
  /** Runs a flush in a span. */
  aroundFlush<R extends Written>(flush: () => Promise<R>): Promise<R>;
}

/** OpenTelemetry keeps this many links of a span. */
const LINKS_MAX = 128;

/** A flush is not linked to batches that other processes have applied: they are unknown here. */
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
  };
}

/** Runs `write`, retries included, in a span. */
export function traceFlushBatch<T extends string>(
  tracing: Tracing,
  { batchId, shard, rowCount, pulseCount }: SealedBatch,
  write: () => Promise<T>,
): Promise<T> {
  const attributes = {
    'pulse.flush_batch_id': batchId,
    'pulse.shard': shard,
    'pulse.rows': rowCount,
    'pulse.pulses': Number(pulseCount),
  };
  return tracing.span('flush batch', { attributes }, async (span) => {
    const outcome = await write();
    span.setAttribute('pulse.outcome', outcome);
    return outcome;
  });
}
