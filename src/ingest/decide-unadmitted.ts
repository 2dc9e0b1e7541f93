/**
 * Decides for good on the pulses of a batch that no known subscription admitted when they arrived.
 *
 * A subscription may be newer than the thread's copy. So the decision waits for subscriptions that were read after the
 * last delivery of the batch had been received: whoever sends a pulse after his purchase was answered is never refused.
 * Only batches with such pulses wait, usually for some milliseconds.
 *
 * While subscriptions cannot be read, nothing is refused. Such pulses are counted, as `unverified`: holding them back
 * would make ingest depend on Postgres, and a wrong refusal costs more than a pulse too many.
 */
import { TransientError } from '../core/errors.ts';
import type { Rejection } from '../contract/rejection.ts';
import type { Admission } from './admission.ts';
import type { Batch, RejectedPulse, UnadmittedPulse } from './batch.ts';
import { addUsages, type UnsubscribedUsages } from './unsubscribed-usage.ts';

export interface Decision {
  /** With `enforce`: the pulses to dead-letter. */
  readonly refused: readonly RejectedPulse[];
  readonly unsubscribed: number;
  readonly unverified: number;
  readonly usages: UnsubscribedUsages;
}

/** @throws TransientError when `signal` aborts before a decision that matters. */
export async function decideUnadmitted(
  batch: Batch,
  { admission, signal }: { readonly admission: Admission; readonly signal: AbortSignal },
): Promise<Decision> {
  const refused: RejectedPulse[] = [];
  const usages: UnsubscribedUsages = new Map();
  const { unadmitted } = batch;
  if (unadmitted.length === 0) return { refused, unsubscribed: 0, unverified: 0, usages };
  const enforces = admission.mode === 'enforce';
  const isFresh = await admission.refresh(signal);
  if (enforces && signal.aborted) {
    throw new TransientError('PULSE_INGEST_CLOSED', 'Ingest is closing.');
  }
  const without = unadmitted.filter(
    ({ pulse }) => !admission.table.admits(pulse.tenant, pulse.sku, pulse.usedAtMs),
  );
  const unsubscribed = new Set(isFresh ? without : []);
  addUsages(
    usages,
    Array.from(unsubscribed, ({ pulse: { tenant, sku } }) => ({ tenant, sku, pulseCount: 1 })),
  );
  if (enforces) {
    for (const one of unadmitted) {
      if (unsubscribed.has(one)) refused.push(batch.reject(one, noSubscription(one)));
      else batch.foldLate(one);
    }
  }
  const unverified = without.length - unsubscribed.size;
  return { refused, unsubscribed: unsubscribed.size, unverified, usages };
}

function noSubscription({ pulse }: UnadmittedPulse): Rejection {
  const usedAt = new Date(pulse.usedAtMs).toISOString();
  return {
    reason: 'no_subscription',
    detail: `The tenant had no subscription for this SKU at ${usedAt}.`,
  };
}
