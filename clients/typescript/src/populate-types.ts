/** Populate runs: generated pulses, for load tests. */

export interface NewPopulateRun {
  /** How many pulses to publish, 1 to 10,000,000, whatever `pulses_per_message` is. */
  readonly total_messages: number;
  /** Publishers that share the work, 1 to 64. */
  readonly workers_number: number;
  /** Pulses that each may have unconfirmed, 1 to 10,000. */
  readonly buffer_size: number;
  /** 1 to 1,000. Default: 1. */
  readonly pulses_per_message?: number;
}

export interface PopulateRun extends Required<NewPopulateRun> {
  readonly id: string;
  readonly state: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted';
  /** Pulses. */
  readonly published: number;
  /** Pulses. */
  readonly confirmed: number;
  readonly confirmed_messages: number;
  /** Confirmed pulses. */
  readonly rate_per_second: number;
  readonly started_at: string;
  readonly finished_at: string | null;
  readonly error: string | null;
}
