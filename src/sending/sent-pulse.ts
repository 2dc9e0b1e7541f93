/** One pulse from a request in any format, before the contract is checked. */
import type { RejectionReason } from '../contract/rejection.ts';

/** Reasons to refuse a pulse, besides those of ingest. */
export const SEND_REFUSALS = ['tenant_not_allowed', 'invalid_cloudevent', 'too_many_sums'] as const;

/** A stable code, and one sentence for the person who has to fix the pulse. */
export interface Refusal {
  /** The invalid member in the sender's format; `body` for the whole pulse. */
  readonly field: string;
  readonly code: RejectionReason | (typeof SEND_REFUSALS)[number];
  readonly reason: string;
}

/** The names of the members of a pulse in the sender's format. */
export interface FieldNames {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly id: string;
  readonly timestamp: string;
  /** The whole pulse. */
  readonly body: string;
}

export type SentPulse =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      /** Should be an object with the members of a pulse; may be any JSON value. */
      readonly value: unknown;
      /** The JSON text of the object that holds `used_amount`: only it has the digits that parsing loses. */
      readonly source: () => string;
      readonly fields: FieldNames;
    };

/** The result of one pulse; `index` is its position in the request, from 0. */
export type SendOutcome = { readonly index: number } & (
  | { readonly status: 'accepted'; readonly id: string }
  | ({ readonly status: 'rejected' } & Refusal)
  /** Not confirmed: it may or may not be in the queue. */
  | {
      readonly status: 'unconfirmed';
      readonly id: string;
      readonly code: 'unconfirmed';
      readonly reason: string;
    }
);

/** The names in the queue's contract. */
export const PULSE_FIELDS: FieldNames = {
  tenant: 'tenant',
  product_sku: 'product_sku',
  use_unity: 'use_unity',
  used_amount: 'used_amount',
  id: 'id',
  timestamp: 'timestamp',
  body: 'body',
};
