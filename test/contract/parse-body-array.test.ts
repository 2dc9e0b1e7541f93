import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ARRAY_LENGTH_MAX } from '../../src/contract/rules.ts';
import { arbitraryNanos, decimalOf, sentPulse, toNanos } from '../support/pulses.ts';
import { outcomesOf } from './body-outcomes.ts';

const json = (value: unknown): string => JSON.stringify(value);

describe('an array', () => {
  const array = (length: number) => json(Array.from({ length }, () => sentPulse()));

  test.each([1, 2, ARRAY_LENGTH_MAX])(
    'of %i pulses has one outcome per pulse, in order',
    (length) => {
      const outcomes = outcomesOf(array(length));
      expect(outcomes.map(({ index }) => index)).toEqual(
        Array.from({ length }, (_, index) => index),
      );
      expect(outcomes.every(({ pulse }) => pulse !== undefined)).toBe(true);
    },
  );

  test('that is one pulse too long is refused as a whole', () => {
    expect(outcomesOf(array(ARRAY_LENGTH_MAX + 1))).toMatchObject([
      { reason: 'array_too_long', index: undefined, body: array(ARRAY_LENGTH_MAX + 1) },
    ]);
  });

  test('a bad pulse among good ones is refused alone, with the text that was sent', () => {
    const good = json(sentPulse());
    const bad = '{ "tenant":"\\u0041\\n",\n "x":[1,{"y":"]"}],"used_amount":1.50 }';
    const outcomes = outcomesOf(` [${good} , ${bad}\t,\n${good},[${good}], null ,"]" ] `);
    expect(outcomes.map(({ reason }) => reason ?? 'accepted')).toEqual([
      'accepted',
      'invalid_tenant',
      'accepted',
      'not_an_object',
      'not_an_object',
      'not_an_object',
    ]);
    expect(outcomes.map(({ body }) => body)).toEqual([
      undefined,
      bad,
      undefined,
      `[${good}]`,
      'null',
      '"]"',
    ]);
    expect(outcomes.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('a number that is too long spoils only its own element', () => {
    const number = (digits: string) => json(sentPulse({ used_amount: 'N' })).replace('"N"', digits);
    const outcomes = outcomesOf(
      `[${number('0.1')},${number('9007199254740993')},${number('2.5')}]`,
    );
    expect(outcomes.map(({ reason }) => reason)).toEqual([
      undefined,
      'amount_too_precise',
      undefined,
    ]);
  });
});

describe('the message’s id', () => {
  test('identifies a single pulse unchanged', () => {
    expect(outcomesOf(json(sentPulse()), 'm-1')).toMatchObject([{ pulse: { id: 'm-1' } }]);
  });

  test('identifies each pulse of an array together with its position', () => {
    const body = json([sentPulse(), sentPulse({ id: 'own' }), sentPulse()]);
    expect(outcomesOf(body, 'm-1').map(({ pulse }) => pulse?.id)).toEqual([
      'm-1#0',
      'own',
      'm-1#2',
    ]);
  });

  test('is ignored when it is empty', () => {
    expect(outcomesOf(json([sentPulse()]), '')).toMatchObject([{ pulse: { id: undefined } }]);
    expect(outcomesOf(json(sentPulse()), undefined)).toMatchObject([{ pulse: { id: undefined } }]);
  });

  test('never makes two different messages one pulse if it was not UTF-8', () => {
    const decoded = Buffer.from([0, 0, 0, 0x80]).toString();
    const [outcome] = outcomesOf(json(sentPulse()), decoded);
    expect(outcome?.pulse?.id).toBeUndefined();
    expect(outcomesOf(json(sentPulse({ id: 'own' })), decoded)).toMatchObject([
      { pulse: { id: 'own' } },
    ]);
  });
});

describe('any body', () => {
  test('whatever bytes arrive, every outcome has a reason and nothing is thrown', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    const almost = fc
      .tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 4 }))
      .map(([at, patch]) => {
        const body = Buffer.from(json([sentPulse(), sentPulse({ id: 'x' })]));
        body.set(patch, at % (body.length - patch.length));
        return body;
      });
    const anyJson = fc.json().map((text) => Buffer.from(text));
    fc.assert(
      fc.property(fc.oneof(bytes, almost, anyJson), (body) => {
        const outcomes = outcomesOf(body, 'm-1');
        expect(outcomes.length).toBeGreaterThan(0);
        for (const { pulse, reason } of outcomes) {
          expect([pulse === undefined, reason === undefined]).toContain(false);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('in any mix, good pulses are exact and bad ones keep their text', () => {
    const good = arbitraryNanos.map((nanos) => ({
      nanos,
      text: json(sentPulse({ used_amount: decimalOf(nanos) })),
    }));
    const bad = fc.json().map((text) => ({ nanos: 0n, text }));
    fc.assert(
      fc.property(fc.array(fc.oneof(good, bad), { minLength: 1, maxLength: 50 }), (elements) => {
        const outcomes = outcomesOf(`[${elements.map(({ text }) => text).join(' ,\n')}]`);
        expect(outcomes).toHaveLength(elements.length);
        for (const [index, { nanos, text }] of elements.entries()) {
          const { pulse, body } = outcomes[index]!;
          if (pulse === undefined) {
            expect(body).toBe(Buffer.from(text).toString('latin1'));
            expect(nanos).toBe(0n);
          } else {
            expect(toNanos(pulse.amount)).toBe(nanos);
          }
        }
      }),
    );
  });
});
