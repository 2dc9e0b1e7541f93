/** The traffic of the benchmarks: the same options give the same pulses, and their exact sums. */
import { createRandom } from '../src/populate/random.ts';

export interface Traffic {
  readonly seed: number;
  readonly pulseCount: number;
  readonly keyCount: number;
  /** `zipf`: the key of rank r is used in proportion to 1/r, because a few large tenants make most of the use. */
  readonly distribution: 'uniform' | 'zipf';
  /** 1: each message is one pulse. More: each message is an array. */
  readonly pulsesPerMessage: number;
  /** 24 characters that distinguish the ids from those of other traffic. */
  readonly idPrefix: string;
  /** Every so many pulses, one is of the key after the others, which is the only one of its tenant. */
  readonly sentinelEvery?: number;
  /** One instant for all, so that a run that crosses the full hour has each key only once. */
  readonly timestamp: string;
}

export interface Usage {
  readonly keyIndex: number;
  /** The amount in thousandths: 1 to 1,000,000. */
  readonly milli: number;
}

export interface KeyNames {
  readonly tenant: string;
  readonly sku: string;
  readonly unit: string;
}

const UNITS = ['GB', 'GB-h', 'vCPU', 'req'] as const;
const SKUS = 50;

/** The names of a key: 50 SKUs in 4 units for each tenant. */
export function keyNames(keyIndex: number): KeyNames {
  const skuIndex = Math.floor(keyIndex / UNITS.length) % SKUS;
  const tenantIndex = Math.floor(keyIndex / (UNITS.length * SKUS));
  return {
    tenant: `tenant-${String(tenantIndex).padStart(6, '0')}`,
    sku: `sku-${String(skuIndex).padStart(4, '0')}`,
    unit: UNITS[keyIndex % UNITS.length] ?? UNITS[0],
  };
}

/** The pulses of the traffic, in the order in which they are sent. */
export function* usages(traffic: Traffic): Generator<Usage, void> {
  const random = createRandom(traffic.seed);
  const { keyCount, sentinelEvery = Infinity } = traffic;
  const pick =
    traffic.distribution === 'zipf'
      ? createZipf(keyCount)
      : (fraction: number) => Math.floor(fraction * keyCount);
  for (let index = 0; index < traffic.pulseCount; index++) {
    const picked = pick(random.fraction());
    const keyIndex = index % sentinelEvery === sentinelEvery - 1 ? keyCount : picked;
    yield { keyIndex, milli: 1 + random.below(1_000_000) };
  }
}

/** The bodies of the traffic's messages. */
export function* bodies(traffic: Traffic): Generator<Buffer, void> {
  const { pulsesPerMessage, idPrefix, timestamp } = traffic;
  let elements: string[] = [];
  let index = 0;
  for (const usage of usages(traffic)) {
    const { tenant, sku, unit } = keyNames(usage.keyIndex);
    const amount = `${Math.floor(usage.milli / 1000)}.${String(usage.milli % 1000).padStart(3, '0')}`;
    // Every fourth amount is a string, as producers that care about digits send it.
    const json = index % 4 === 3 ? `"${amount}"` : amount;
    elements.push(
      `{"id":"${idPrefix}${index.toString(16).padStart(12, '0')}","tenant":"${tenant}",` +
        `"product_sku":"${sku}","use_unity":"${unit}","used_amount":${json},"timestamp":"${timestamp}"}`,
    );
    index += 1;
    if (pulsesPerMessage === 1) yield Buffer.from(elements[0] ?? '');
    else if (elements.length === pulsesPerMessage) yield Buffer.from(`[${elements.join(',')}]`);
    else continue;
    elements = [];
  }
  if (elements.length > 0) yield Buffer.from(`[${elements.join(',')}]`);
}

/** What the database must contain at the end, per key. Sums stay below 2⁵³. */
export interface ExpectedSums {
  readonly milli: Float64Array;
  readonly pulseCount: Float64Array;
  add(traffic: Traffic): void;
  /** Adds pulses of one key that were not sent as traffic. */
  addTo(keyIndex: number, pulses: { readonly milli: number; readonly pulseCount: number }): void;
}

export function createExpectedSums(keyCount: number): ExpectedSums {
  const milli = new Float64Array(keyCount);
  const pulseCount = new Float64Array(keyCount);
  const addTo: ExpectedSums['addTo'] = (keyIndex, pulses) => {
    milli[keyIndex] = (milli[keyIndex] ?? 0) + pulses.milli;
    pulseCount[keyIndex] = (pulseCount[keyIndex] ?? 0) + pulses.pulseCount;
  };
  return {
    milli,
    pulseCount,
    addTo,
    add(traffic) {
      for (const { keyIndex, milli: amount } of usages(traffic)) {
        addTo(keyIndex, { milli: amount, pulseCount: 1 });
      }
    },
  };
}

function createZipf(keyCount: number): (fraction: number) => number {
  const cumulated = new Float64Array(keyCount);
  let total = 0;
  for (let rank = 0; rank < keyCount; rank++) {
    total += 1 / (rank + 1);
    cumulated[rank] = total;
  }
  return (fraction) => {
    const wanted = fraction * total;
    let low = 0;
    let high = keyCount - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? total) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
