import { describe, expect, test } from 'vitest';
import { parseAmount } from '../../src/core/amount.ts';
import { BAD_PULSES } from '../../src/populate/bad-pulses.ts';
import {
  generatePulses,
  type GeneratedPulse,
  type GeneratorOptions,
} from '../../src/populate/generate-pulses.ts';
import { readBody } from '../contract/body-outcomes.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 30);
const OPTIONS: GeneratorOptions = {
  seed: 7,
  count: 5_000,
  tenants: 12,
  skus: 5,
  units: 3,
  hours: 4,
  nowMs: NOW_MS,
  duplicateRatio: 0.1,
  badRatio: 0.1,
  runId: 'run-1',
};

function generate(options: Partial<GeneratorOptions> = {}): GeneratedPulse[] {
  return [...generatePulses({ ...OPTIONS, ...options })];
}

function bytesOf(pulses: GeneratedPulse[]): string {
  return pulses
    .map(({ body, messageId, kind }) => `${kind} ${messageId} ${body.toString()}`)
    .join('\n');
}

function parse({ body, messageId }: { body: Buffer; messageId: string }) {
  const outcomes = readBody(body, { messageId, receivedAtMs: NOW_MS });
  return {
    accepted: outcomes.flatMap(({ pulse }) => pulse ?? []),
    rejected: outcomes.filter(({ pulse }) => pulse === undefined),
  };
}

function nanoOf(text: string): bigint {
  const amount = parseAmount(text);
  if (typeof amount === 'string') throw new Error(`${text} is ${amount}`);
  return BigInt(amount.whole) * 1_000_000_000n + BigInt(amount.nano);
}

describe('generatePulses', () => {
  test('returns the same bytes for the same options', () => {
    expect(bytesOf(generate())).toBe(bytesOf(generate()));
  });

  test('returns other traffic for another seed, and other ids for another run', () => {
    expect(bytesOf(generate({ seed: 8 }))).not.toBe(bytesOf(generate()));
    const ids = new Set(generate().map(({ messageId }) => messageId));
    expect(generate({ runId: 'run-2' }).some(({ messageId }) => ids.has(messageId))).toBe(false);
  });

  test('makes about as many of each kind as requested', () => {
    const pulses = generate();
    expect(pulses).toHaveLength(5_000);
    const share = (kind: string) => pulses.filter((pulse) => pulse.kind === kind).length / 5_000;
    expect(share('bad')).toBeCloseTo(0.1, 1);
    expect(share('duplicate')).toBeCloseTo(0.1, 1);
  });

  test('repeats id and body of an earlier good pulse in a duplicate, and no id otherwise', () => {
    const seen = new Map<string, string>();
    for (const { kind, messageId, body } of generate()) {
      expect(messageId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
      if (kind === 'duplicate') expect(seen.get(messageId)).toBe(body.toString());
      else {
        expect(seen.has(messageId)).toBe(false);
        seen.set(messageId, kind === 'good' ? body.toString() : 'bad');
      }
    }
  });

  test('splits a run by index without sharing an id', () => {
    const first = generate({ count: 100, duplicateRatio: 0 });
    const second = generate({ count: 100, duplicateRatio: 0, startIndex: 100 });
    const ids = new Set([...first, ...second].map(({ messageId }) => messageId));
    expect(ids.size).toBe(200);
  });

  test('lists for every good pulse the exact amount that ingest must add', () => {
    const sums = { expected: 0n, parsed: 0n };
    for (const generated of generate()) {
      if (generated.kind !== 'good') continue;
      const [pulse] = parse(generated).accepted;
      const { tenant, product_sku, use_unity, used_amount, windowStartSec } = generated.pulse;
      expect(pulse).toMatchObject({
        tenant,
        sku: product_sku,
        unit: use_unity,
        windowStartSec,
        id: generated.messageId,
      });
      expect(windowStartSec * 1000).toBeGreaterThan(NOW_MS - 5.5 * 3_600_000);
      expect(windowStartSec * 1000).toBeLessThanOrEqual(NOW_MS);
      sums.expected += nanoOf(used_amount);
      sums.parsed +=
        BigInt(pulse?.amount.whole ?? 0) * 1_000_000_000n + BigInt(pulse?.amount.nano ?? 0);
    }
    expect(sums.expected).toBeGreaterThan(0n);
    expect(sums.parsed).toBe(sums.expected);
  });

  test('has awkward tenants among its tenants', () => {
    const tenants = new Set(
      generate().flatMap((generated) =>
        generated.kind === 'good' ? [generated.pulse.tenant] : [],
      ),
    );
    expect(tenants).toContain('a:b|c"😀');
    expect(tenants.size).toBe(12);
  });

  test('uses every kind of bad pulse, each with its own id', () => {
    const bad = generate({ count: 200, badRatio: 1 });
    expect(new Set(bad.map(({ messageId }) => messageId)).size).toBe(200);
    expect(new Set(bad.map(({ body }) => body.toString())).size).toBe(BAD_PULSES.length);
  });
});

describe('BAD_PULSES', () => {
  test.each(BAD_PULSES.map((bad, index) => [index, bad.reason, bad] as const))(
    'number %i is one pulse, refused as %s',
    (_index, reason, bad) => {
      const { accepted, rejected } = parse({ body: Buffer.from(bad.body(NOW_MS)), messageId: 'm' });
      expect(accepted).toEqual([]);
      expect(rejected.map((rejection) => rejection.reason)).toEqual([reason]);
    },
  );
});
