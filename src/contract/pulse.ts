/** The words of the pipeline: a pulse as sent, its key, and a delivery's identity. */
import type { Amount } from '../core/amount.ts';

/** What a sum is kept for: one tenant, SKU, unit and hour. */
export interface AggregateKey {
  readonly tenant: string;
  readonly sku: string;
  readonly unit: string;
  /** First second of the UTC hour, since 1970. */
  readonly windowStartSec: number;
}

/** One validated usage report. */
export interface Pulse extends AggregateKey {
  readonly amount: Amount;
  /** Unique per tenant; undefined when neither the pulse nor its delivery carries one. */
  readonly id: string | undefined;
}
