/** An example of every mistake a pulse can have, with the reason for which it must be refused. */
import type { RejectionReason } from '../contract/rejection.ts';
import {
  ARRAY_LENGTH_MAX,
  ID_LENGTH_MAX,
  SKU_LENGTH_MAX,
  TENANT_LENGTH_MAX,
  UNIT_LENGTH_MAX,
} from '../contract/rules.ts';

export interface BadPulse {
  readonly reason: RejectionReason;
  /** The body of the message: exactly one pulse to refuse. */
  readonly body: (nowMs: number) => string;
}

const MS_PER_DAY = 86_400_000;

/** A good pulse, of which each entry changes something. */
const GOOD = {
  tenant: 'tenant-0009',
  product_sku: 'sku-0009',
  use_unity: 'unit-0009',
  used_amount: '1.5',
};

function changed(reason: RejectionReason, change: Readonly<Record<string, unknown>>): BadPulse {
  const body = JSON.stringify({ ...GOOD, ...change });
  return { reason, body: () => body };
}

function text(reason: RejectionReason, body: string): BadPulse {
  return { reason, body: () => body };
}

/** Numbers that JSON.stringify would write differently. */
function amount(reason: RejectionReason, literal: string): BadPulse {
  const { used_amount, ...rest } = GOOD;
  return text(
    reason,
    JSON.stringify({ ...rest, used_amount }).replace(`"${used_amount}"`, literal),
  );
}

function timed(offsetMs: number, reason: RejectionReason): BadPulse {
  return {
    reason,
    body: (nowMs) =>
      JSON.stringify({ ...GOOD, timestamp: new Date(nowMs + offsetMs).toISOString() }),
  };
}

export const BAD_PULSES: readonly BadPulse[] = [
  text('malformed_json', '{"tenant":"acme","product_sku":'),
  text('malformed_json', 'tenant=acme&used_amount=1'),
  text('malformed_json', ''),
  amount('malformed_json', 'NaN'),
  text('not_an_object', 'null'),
  text('not_an_object', '42'),
  text('not_an_object', '"a pulse"'),
  text('not_an_object', '[["nested"]]'),
  text('empty_array', '[]'),
  text('array_too_long', `[${'0,'.repeat(ARRAY_LENGTH_MAX)}0]`),
  changed('invalid_tenant', { tenant: undefined }),
  changed('invalid_tenant', { tenant: '' }),
  changed('invalid_tenant', { tenant: 7 }),
  changed('invalid_tenant', { tenant: 'x'.repeat(TENANT_LENGTH_MAX + 1) }),
  changed('invalid_tenant', { tenant: 'bell\u0007' }),
  changed('invalid_tenant', { tenant: 'nul\u0000' }),
  changed('invalid_product_sku', { product_sku: '' }),
  changed('invalid_product_sku', { product_sku: null }),
  changed('invalid_product_sku', { product_sku: 'x'.repeat(SKU_LENGTH_MAX + 1) }),
  changed('invalid_use_unity', { use_unity: [] }),
  changed('invalid_use_unity', { use_unity: 'x'.repeat(UNIT_LENGTH_MAX + 1) }),
  changed('invalid_used_amount', { used_amount: undefined }),
  changed('invalid_used_amount', { used_amount: '' }),
  changed('invalid_used_amount', { used_amount: 'twelve' }),
  changed('invalid_used_amount', { used_amount: true }),
  changed('invalid_used_amount', { used_amount: 'NaN' }),
  changed('invalid_used_amount', { used_amount: '1e5' }),
  changed('amount_not_positive', { used_amount: -1 }),
  changed('amount_not_positive', { used_amount: '-0.5' }),
  changed('amount_not_positive', { used_amount: 0 }),
  changed('amount_not_positive', { used_amount: '0.000' }),
  amount('amount_out_of_range', '1e30'),
  changed('amount_out_of_range', { used_amount: `1${'0'.repeat(30)}` }),
  changed('amount_too_precise', { used_amount: '0.12345678901234567890' }),
  amount('amount_too_precise', '1234567890.1234567'),
  changed('invalid_id', { id: '' }),
  changed('invalid_id', { id: 12 }),
  changed('invalid_id', { id: 'x'.repeat(ID_LENGTH_MAX + 1) }),
  changed('invalid_timestamp', { timestamp: 'yesterday' }),
  changed('invalid_timestamp', { timestamp: 1_700_000_000 }),
  changed('invalid_timestamp', { timestamp: '2026-02-30T00:00:00Z' }),
  timed(-60 * MS_PER_DAY, 'timestamp_too_old'),
  timed(MS_PER_DAY, 'timestamp_in_future'),
  { reason: 'amount_not_positive', body: () => JSON.stringify([{ ...GOOD, used_amount: -3 }]) },
];
