/** From a sent pulse to the bytes that go onto the queue, or the reason why it may not. No clock, no I/O. */
import { formatAmount } from '../core/amount.ts';
import type { Pulse } from '../contract/pulse.ts';
import type { RejectionReason } from '../contract/rejection.ts';
import { includesTenant, type TenantScope } from '../core/tenant-scope.ts';
import type { BodyLimits } from '../contract/parse-body.ts';
import { parsePulse } from '../contract/parse-pulse.ts';
import type { FieldNames, Refusal, SentPulse } from './sent-pulse.ts';

/** What a pulse is held to. */
export interface CheckContext {
  readonly limits: BodyLimits;
  readonly receivedAtMs: number;
  /** Whom the caller may send for. */
  readonly tenants: TenantScope;
  /** Makes the id of a pulse that brings none. */
  readonly newId: () => string;
}

export type CheckedPulse =
  | { readonly ok: false; readonly refusal: Refusal }
  | { readonly ok: true; readonly id: string; readonly text: string };

/**
 * Applies ingest's own rules, with the same function, and then the caller's scope.
 *
 * What is published is written anew from what was understood, so that no second reading can understand
 * it differently; and with its time, so that the wait in the queue does not move it to another hour.
 */
export function checkPulse(sent: SentPulse, context: CheckContext): CheckedPulse {
  if (!sent.ok) return sent;
  const { limits, receivedAtMs, tenants } = context;
  const outcome = parsePulse(sent.value, {
    fallbackId: undefined,
    messageTimeSec: undefined,
    receivedAtMs,
    ageMaxMs: limits.pulseAgeMaxMs,
    aheadMaxMs: limits.pulseAheadMaxMs,
    source: sent.source,
  });
  if (!outcome.ok) {
    const { reason: code, detail } = outcome.rejection;
    return { ok: false, refusal: { field: fieldOf(code, sent.fields), code, reason: detail } };
  }
  const { pulse } = outcome;
  if (!includesTenant(tenants, pulse.tenant)) {
    const reason = 'The caller may not send for this tenant.';
    return {
      ok: false,
      refusal: { field: sent.fields.tenant, code: 'tenant_not_allowed', reason },
    };
  }
  const id = pulse.id ?? context.newId();
  const { timestamp } = sent.value as { timestamp?: string };
  const text = toText(pulse, { id, timestamp: timestamp ?? new Date(receivedAtMs).toISOString() });
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.bodyBytesMax) {
    const reason = `The pulse has ${bytes} bytes; ${limits.bodyBytesMax} at most.`;
    return { ok: false, refusal: { field: sent.fields.body, code: 'body_too_large', reason } };
  }
  return { ok: true, id, text };
}

/** The shape that ingest reads fastest. The amount is a string: nobody on the way can round it. */
function toText(pulse: Pulse, { id, timestamp }: { id: string; timestamp: string }): string {
  return JSON.stringify({
    tenant: pulse.tenant,
    product_sku: pulse.sku,
    use_unity: pulse.unit,
    used_amount: formatAmount({ high: 0, ...pulse.amount }),
    id,
    timestamp,
  });
}

const MEMBERS: Partial<Record<RejectionReason, keyof FieldNames>> = {
  invalid_tenant: 'tenant',
  invalid_product_sku: 'product_sku',
  invalid_use_unity: 'use_unity',
  invalid_used_amount: 'used_amount',
  amount_not_positive: 'used_amount',
  amount_out_of_range: 'used_amount',
  amount_too_precise: 'used_amount',
  invalid_id: 'id',
  invalid_timestamp: 'timestamp',
  timestamp_too_old: 'timestamp',
  timestamp_in_future: 'timestamp',
};

function fieldOf(reason: RejectionReason, fields: FieldNames): string {
  return fields[MEMBERS[reason] ?? 'body'];
}
