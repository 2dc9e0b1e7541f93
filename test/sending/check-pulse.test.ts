import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ID_PATTERN,
  SKU_LENGTH_MAX,
  TENANT_LENGTH_MAX,
  UNIT_LENGTH_MAX,
} from '../../src/contract/rules.ts';
import { checkPulse, type CheckContext } from '../../src/sending/check-pulse.ts';
import { PULSE_FIELDS, type SentPulse } from '../../src/sending/sent-pulse.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { BAD_PULSES } from '../../src/populate/bad-pulses.ts';
import { readBody, type ReadOutcome } from '../contract/body-outcomes.ts';
import {
  arbitraryKeyText,
  arbitraryNanos,
  decimalOf,
  sentPulse,
  toAmount,
} from '../support/pulses.ts';

const NOW_MS = Date.parse('2026-11-22T04:10:00Z');
const LIMITS = {
  bodyBytesMax: 8_192,
  pulseAgeMaxMs: 35 * 86_400_000,
  pulseAheadMaxMs: 300_000,
  windowSeconds: 3_600,
};
const NEW_ID = 'made-for-pulse';
const CONTEXT: CheckContext = {
  limits: LIMITS,
  receivedAtMs: NOW_MS,
  tenants: 'all',
  newId: () => NEW_ID,
};

function sent(text: string): SentPulse {
  return { ok: true, value: JSON.parse(text) as unknown, source: () => text, fields: PULSE_FIELDS };
}

function check(value: unknown, context: Partial<CheckContext> = {}) {
  return checkPulse(sent(JSON.stringify(value)), { ...CONTEXT, ...context });
}

/** What ingest does with the same text, received at the same time. */
function ingest(text: string): Pulse | ReadOutcome {
  const outcomes = readBody(text, { receivedAtMs: NOW_MS }, LIMITS);
  expect(outcomes).toHaveLength(1);
  const [outcome] = outcomes;
  return outcome?.pulse ?? outcome!;
}

test('an accepted pulse is exactly what ingest counts: amount, texts, id and hour', () => {
  const id = fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), {
    nil: undefined,
  });
  fc.assert(
    fc.property(
      fc.tuple(
        arbitraryKeyText(TENANT_LENGTH_MAX),
        arbitraryKeyText(SKU_LENGTH_MAX),
        arbitraryKeyText(UNIT_LENGTH_MAX),
      ),
      arbitraryNanos,
      id.filter((text) => text === undefined || new RegExp(ID_PATTERN, 'u').test(text)),
      ([tenant, product_sku, use_unity], nanos, ownId) => {
        const timestamp = '2026-11-21T23:59:59.999+05:30';
        const value = { tenant, product_sku, use_unity, used_amount: decimalOf(nanos), timestamp };
        let drawn = 0;
        const newId = () => `${NEW_ID}-${++drawn}`;
        const checked = check({ ...value, id: ownId }, { newId });
        // One such pulse costs more than all other checks here.
        expect(drawn).toBe(ownId === undefined ? 1 : 0);
        if (!checked.ok) throw new Error(JSON.stringify(checked.refusal));
        expect(checked.id).toBe(ownId ?? `${NEW_ID}-1`);
        expect(ingest(checked.text)).toEqual({
          tenant,
          sku: product_sku,
          unit: use_unity,
          amount: toAmount(nanos),
          usedAtMs: Date.parse(timestamp),
          windowStartSec: Date.parse('2026-11-21T18:00:00Z') / 1000,
          id: checked.id,
        });
        expect((JSON.parse(checked.text) as typeof value).used_amount).toBe(decimalOf(nanos));
      },
    ),
  );
});

test.each(['1.5', '1.5e-7', '3', '0.000000001', '123456789012345'])(
  'the number %s keeps its value',
  (number) => {
    const text = `{"tenant":"a","product_sku":"b","use_unity":"c","used_amount":${number}}`;
    const checked = checkPulse(sent(text), CONTEXT);
    if (!checked.ok) throw new Error(JSON.stringify(checked.refusal));
    expect(Number((JSON.parse(checked.text) as { used_amount: string }).used_amount)).toBe(
      Number(number),
    );
  },
);

test.each(['0.30000000000000004', '9007199254740993', '1.0000000000000001'])(
  'the number %s, which JavaScript would round, is refused',
  (number) => {
    const text = `{"tenant":"a","product_sku":"b","use_unity":"c","used_amount":${number}}`;
    expect(checkPulse(sent(text), CONTEXT)).toMatchObject({
      ok: false,
      refusal: { field: 'used_amount', code: 'amount_too_precise' },
    });
  },
);

test('a pulse without a time counts as used now, not when it leaves the queue', () => {
  const checked = check(sentPulse());
  expect(checked).toMatchObject({ ok: true, id: NEW_ID });
  expect(checked.ok && JSON.parse(checked.text)).toMatchObject({
    timestamp: '2026-11-22T04:10:00.000Z',
  });
});

describe('a pulse that ingest would dead-letter is refused for the same reason', () => {
  const json = BAD_PULSES.map(({ reason, body }) => ({ reason, text: body(NOW_MS) })).filter(
    ({ reason, text }) => reason !== 'malformed_json' && !text.startsWith('['),
  );

  test.each(json)('$reason: $text', ({ reason, text }) => {
    const checked = checkPulse(sent(text), CONTEXT);
    expect(checked).toMatchObject({ ok: false, refusal: { code: reason } });
    expect(ingest(text)).toMatchObject({ reason });
  });

  test('also one with more bytes than ingest accepts', () => {
    const limits = { ...LIMITS, bodyBytesMax: 1_024 };
    const checked = check(
      sentPulse({
        tenant: '😀'.repeat(TENANT_LENGTH_MAX),
        product_sku: '😀'.repeat(SKU_LENGTH_MAX),
      }),
      {
        limits,
      },
    );
    expect(checked).toMatchObject({
      ok: false,
      refusal: { field: 'body', code: 'body_too_large' },
    });
  });
});

test('a caller may send only for its tenants, compared exactly', () => {
  const tenants = ['acme', 'umbrella'];
  expect(check(sentPulse(), { tenants })).toMatchObject({ ok: true });
  for (const tenant of ['Acme', 'acme ', 'other', '*', 'all']) {
    expect(check(sentPulse({ tenant }), { tenants })).toMatchObject({
      ok: false,
      refusal: { field: 'tenant', code: 'tenant_not_allowed' },
    });
  }
  expect(check(sentPulse(), { tenants: [] })).toMatchObject({ ok: false });
});

describe('a misspelt member', () => {
  const pulse = { tenant: 'acme', product_sku: 'storage', use_unity: 'GB', used_amount: '1' };
  const reasonFor = (value: object): string => {
    const checked = check(value);
    return checked.ok ? '' : checked.refusal.reason;
  };

  test('is named with the member that was meant', () => {
    const { tenant, ...rest } = pulse;
    expect(reasonFor({ ...rest, tenent: tenant })).toMatch(
      / tenent is not a known field; did you mean tenant\?$/,
    );
    const { used_amount: amount, ...others } = pulse;
    expect(reasonFor({ ...others, usedAmount: amount })).toMatch(
      / usedAmount is not a known field; did you mean used_amount\?$/,
    );
  });

  test('is not guessed at when the member is there, or nothing resembles it', () => {
    expect(reasonFor({ ...pulse, tenant: '', tenent: 'acme' })).not.toContain('did you mean');
    expect(reasonFor({ ...pulse, tenant: undefined, colour: 'red' })).not.toContain('did you mean');
  });
});
