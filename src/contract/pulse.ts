/** A validated pulse, and the key of the sum that it is added to. */
import type { Amount } from '../core/amount.ts';

export interface AggregateKey {
  readonly tenant: string;
  readonly sku: string;
  readonly unit: string;
  /** First second of the UTC hour, since 1970. */
  readonly windowStartSec: number;
}

export interface Pulse extends AggregateKey {
  readonly amount: Amount;
  /** Unique per tenant; undefined when neither the pulse nor its delivery carries one. */
  readonly id: string | undefined;
}

/** A pulse as it was parsed. */
export interface ParsedPulse extends Pulse {
  /** When it was used: its timestamp, its message's, or when it was received; in milliseconds since 1970. */
  readonly usedAtMs: number;
}
