/** Turns a sent pulse into the text to publish, or the reason for a refusal. No clock, no I/O. */
import { formatAmount } from '../core/amount.ts';
import type { AggregateKey, Pulse } from '../contract/pulse.ts';
import type { RejectionReason } from '../contract/rejection.ts';
import { includesTenant, type TenantScope } from '../core/tenant-scope.ts';
import type { BodyLimits } from '../contract/parse-body.ts';
import { parsePulse } from '../contract/parse-pulse.ts';
import { closestName } from '../http/closest-name.ts';
import { PULSE_FIELDS, type FieldNames, type Refusal, type SentPulse } from './sent-pulse.ts';

export interface CheckContext {
  readonly limits: BodyLimits;
  readonly receivedAtMs: number;
  /** The tenants that the caller may send for. */
  readonly tenants: TenantScope;
  /** Makes the id of a pulse without one. */
  readonly newId: () => string;
}

export type CheckedPulse =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly id: string;
      readonly text: string;
      /** The sum that the pulse is added to. */
      readonly key: AggregateKey;
      readonly fields: FieldNames;
    };

/**
 * Applies the rules of ingest, with the same function, and then the caller's scope.
 *
 * The published text is written from the parsed pulse, so that ingest cannot read it differently. It contains the
 * time, so that waiting in the queue does not move the pulse to another window.
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
    windowSeconds: limits.windowSeconds,
    source: sent.source,
  });
  if (!outcome.ok) {
    const { reason: code, detail } = outcome.rejection;
    const reason = `${detail}${misspeltMember(sent.value, MEMBERS[code])}`;
    return { ok: false, refusal: { field: fieldOf(code, sent.fields), code, reason } };
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
    const reason = `The pulse has ${bytes} bytes; the limit is ${limits.bodyBytesMax}.`;
    return { ok: false, refusal: { field: sent.fields.body, code: 'body_too_large', reason } };
  }
  return { ok: true, id, text, key: pulse, fields: sent.fields };
}

/** The shape that ingest reads fastest. The amount is a string, so that it cannot be rounded on the way. */
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

/** How many members of a pulse are compared with the name of a missing one. */
const COMPARED_MAX = 20;

/** A sentence that names the member which was probably meant to be `member`, if that is missing. */
function misspeltMember(value: unknown, member: keyof FieldNames | undefined): string {
  const sent = value as Record<string, unknown>;
  if (member === undefined || sent[member] !== undefined) return '';
  const unknown = Object.keys(sent)
    .slice(0, COMPARED_MAX)
    .find((name) => !(name in PULSE_FIELDS) && closestName(name, [member]) !== undefined);
  return unknown === undefined ? '' : ` ${unknown} is not a known field; did you mean ${member}?`;
}

function fieldOf(reason: RejectionReason, fields: FieldNames): string {
  return fields[MEMBERS[reason] ?? 'body'];
}
