/** The expected sums, computed with BigInt, in the form that the API returns. */
import { HOUR_SECONDS, windowStartSec } from '../../src/core/window.ts';
import type { ExpectedPulse, GeneratedPulse } from '../../src/populate/generate-pulses.ts';
import type { ApiRow } from '../support/api-client.ts';
import { decimalOf } from '../support/pulses.ts';

/** By tenant, SKU, unit and hour: `<exact sum> in <pulses>`. */
export type Sums = Readonly<Record<string, string>>;

/** A key, an amount as decimal text, and how many pulses it is made of. */
interface Part {
  readonly key: readonly [tenant: string, sku: string, unit: string, windowStart: string];
  readonly amount: string;
  readonly pulseCount: number;
}

/** Sums of pulses that must be counted. */
export function sumsOfPulses(pulses: Iterable<ExpectedPulse>): Sums {
  return addUp(
    Array.from(pulses, (pulse) => ({
      key: [
        pulse.tenant,
        pulse.product_sku,
        pulse.use_unity,
        new Date(pulse.windowStartSec * 1000).toISOString(),
      ],
      amount: pulse.used_amount,
      pulseCount: 1,
    })),
  );
}

/** Sums of rows from the API; rows with the same key are added. */
export function sumsOfRows(rows: Iterable<ApiRow>): Sums {
  return addUp(
    Array.from(rows, (row) => ({
      key: [row.tenant, row.product_sku, row.use_unity, new Date(row.window_start).toISOString()],
      amount: row.used_amount,
      pulseCount: row.pulse_count,
    })),
  );
}

/** The pulses of generated traffic that must be counted. */
export function goodPulses(traffic: Iterable<GeneratedPulse>): ExpectedPulse[] {
  return [...traffic].flatMap((generated) => (generated.kind === 'good' ? [generated.pulse] : []));
}

/** The hour of a timestamp, in seconds. */
export function windowOf(timestamp: string): number {
  return windowStartSec(Date.parse(timestamp), HOUR_SECONDS);
}

function addUp(parts: readonly Part[]): Sums {
  const sums = new Map<string, { nanos: bigint; pulseCount: number }>();
  for (const { key, amount, pulseCount } of parts) {
    const name = JSON.stringify(key);
    const sum = sums.get(name) ?? { nanos: 0n, pulseCount: 0 };
    sums.set(name, {
      nanos: sum.nanos + nanosOf(amount),
      pulseCount: sum.pulseCount + pulseCount,
    });
  }
  return Object.fromEntries(
    [...sums].map(([name, { nanos, pulseCount }]) => [
      name,
      `${decimalOf(nanos)} in ${pulseCount}`,
    ]),
  );
}

function nanosOf(amount: string): bigint {
  const [whole = '', fraction = ''] = amount.split('.');
  return BigInt(whole) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
}
