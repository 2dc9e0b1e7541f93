/** What the demo sent, summed independently with BigInt, to compare with what the API answers. */
import type { GeneratedPulse } from '../populate/generate-pulses.ts';

/** The sum of one tenant, SKU, unit and hour. */
interface ExpectedSum {
  nano: bigint;
  pulseCount: number;
}

/** One row as the API answers it. */
export interface AnsweredRow {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly pulse_count: number;
  readonly window_start: string;
}

export interface DemoLedger {
  readonly counts: { good: number; duplicate: number; bad: number };
  /** Passes the pulses on, and adds each to the sums. */
  note(pulses: Iterable<GeneratedPulse>): Generator<GeneratedPulse, void>;
  answered(row: AnsweredRow): void;
  /** Sums or counts that differ between what was sent and what was answered; empty if all agree. */
  differences(): string[];
}

export function createDemoLedger(): DemoLedger {
  const counts = { good: 0, duplicate: 0, bad: 0 };
  const expected = new Map<string, ExpectedSum>();
  const answered = new Map<string, ExpectedSum>();
  return {
    counts,
    *note(pulses) {
      for (const pulse of pulses) {
        counts[pulse.kind] += 1;
        if (pulse.kind === 'good') {
          const { tenant, product_sku, use_unity, used_amount, windowStartSec } = pulse.pulse;
          const key = JSON.stringify([tenant, product_sku, use_unity, windowStartSec]);
          addTo(expected, key, { nano: toNano(used_amount), pulseCount: 1 });
        }
        yield pulse;
      }
    },
    answered(row) {
      const windowStartSec = Date.parse(row.window_start) / 1000;
      const key = JSON.stringify([row.tenant, row.product_sku, row.use_unity, windowStartSec]);
      addTo(answered, key, { nano: toNano(row.used_amount), pulseCount: row.pulse_count });
    },
    differences() {
      const keys = new Set([...expected.keys(), ...answered.keys()]);
      return [...keys].flatMap((key) => {
        const sent = expected.get(key) ?? { nano: 0n, pulseCount: 0 };
        const got = answered.get(key) ?? { nano: 0n, pulseCount: 0 };
        if (sent.nano === got.nano && sent.pulseCount === got.pulseCount) return [];
        return [`${key}: sent ${describe(sent)}, answered ${describe(got)}`];
      });
    },
  };
}

function addTo(sums: Map<string, ExpectedSum>, key: string, more: ExpectedSum): void {
  const sum = sums.get(key);
  if (sum === undefined) sums.set(key, more);
  else {
    sum.nano += more.nano;
    sum.pulseCount += more.pulseCount;
  }
}

function describe({ nano, pulseCount }: ExpectedSum): string {
  return `${nano}e-9 in ${pulseCount} pulses`;
}

/** Exact: a decimal text with at most nine digits after the point, in units of 10⁻⁹. */
function toNano(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}
