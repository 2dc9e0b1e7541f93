/** One pulse as a request brought it, whatever the format, before the contract is applied to it. */
import type { RejectionReason } from '../contract/rejection.ts';

/** Why a pulse is not accepted, beyond ingest's own reasons. */
export const SEND_REFUSALS = ['tenant_not_allowed', 'invalid_cloudevent'] as const;

/** A stable code, and one sentence for the person who has to mend it. */
export interface Refusal {
  /** The wrong member as the sender wrote it; `body` for the pulse as a whole. */
  readonly field: string;
  readonly code: RejectionReason | (typeof SEND_REFUSALS)[number];
  readonly reason: string;
}

/** The members of a pulse, and where the sender's format has them. */
export interface FieldNames {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly id: string;
  readonly timestamp: string;
  /** The pulse as a whole. */
  readonly body: string;
}

export type SentPulse =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      /** Should be an object with the members of a pulse; anything that JSON can say. */
      readonly value: unknown;
      /** The JSON text of the object that holds `used_amount`: digits that parsing loses stand there alone. */
      readonly source: () => string;
      readonly fields: FieldNames;
    };

/** Pulses as the queue's contract has them. */
export const PULSE_FIELDS: FieldNames = {
  tenant: 'tenant',
  product_sku: 'product_sku',
  use_unity: 'use_unity',
  used_amount: 'used_amount',
  id: 'id',
  timestamp: 'timestamp',
  body: 'body',
};
