import { describe, expect, test } from 'vitest';
import { TENANT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { sentPulse } from '../support/pulses.ts';
import { BODY_LIMITS, outcomesOf, reasonsOf } from './body-outcomes.ts';

const json = (value: unknown): string => JSON.stringify(value);

describe('a body of one pulse', () => {
  test('has one outcome without an index', () => {
    expect(outcomesOf(json(sentPulse()))).toMatchObject([
      { index: undefined, pulse: { tenant: 'acme' } },
    ]);
  });

  test('may be surrounded by whitespace', () => {
    expect(outcomesOf(`\r\n\t ${json(sentPulse())} \n`)).toMatchObject([{ pulse: {} }]);
  });

  test('is refused with its own bytes and a detail if it is bad', () => {
    const body = ` ${json(sentPulse({ tenant: '' }))} `;
    expect(outcomesOf(body)).toEqual([
      {
        reason: 'invalid_tenant',
        detail: expect.stringContaining(`1 to ${TENANT_LENGTH_MAX} `) as string,
        index: undefined,
        body,
      },
    ]);
  });

  test.each(['0.1000000000000000055', '9007199254740993', '1000000000000000e-15'])(
    'with a number of more than 15 digits, %s, is refused even if parsing rounds it to fewer',
    (number) => {
      const body = json(sentPulse({ used_amount: 'N' })).replace('"N"', number);
      expect(reasonsOf(body)).toEqual(['amount_too_precise']);
    },
  );

  test.each(['1e-400', '0.1E-0399', `0.${'0'.repeat(400)}1`])(
    'with a number that parsing makes 0, %s, is too precise, alone and in an array',
    (number) => {
      const body = json(sentPulse({ used_amount: 'N' })).replace('"N"', number);
      expect(reasonsOf(body)).toEqual(['amount_too_precise']);
      const spaced = body.replace(/}$/, ' }');
      const zero = json(sentPulse({ used_amount: 0 }));
      expect(reasonsOf(`[${spaced},${zero},${body}]`)).toEqual([
        'amount_too_precise',
        'amount_not_positive',
        'amount_too_precise',
      ]);
    },
  );

  test.each(['-1e-400', '0e-400', `0.${'0'.repeat(400)}`, '-0.0'])(
    'with %s, negative or 0 as it was sent, is not positive',
    (number) => {
      const body = json(sentPulse({ used_amount: 'N' })).replace('"N"', number);
      expect(reasonsOf(body)).toEqual(['amount_not_positive']);
      expect(reasonsOf(`[${body}]`)).toEqual(['amount_not_positive']);
    },
  );

  test('is accepted if long numbers are elsewhere in it', () => {
    const body = `{"trace":12345678901234567890,"nested":{"used_amount":0.1000000000000000055},${json(sentPulse()).slice(1)}`;
    expect(outcomesOf(body)).toMatchObject([{ pulse: { amount: { whole: 3 } } }]);
  });
});

test.each([sentPulse(), [sentPulse(), sentPulse()]])(
  'a byte order mark before JSON is ignored',
  (body) => {
    expect(outcomesOf(`\ufeff${json(body)}`)).toEqual(outcomesOf(json(body)));
  },
);

describe('a body that is not JSON in UTF-8', () => {
  test.each([
    ['nothing', ''],
    ['white space', '  \n'],
    ['a word', 'pulse'],
    ['an object cut short', json(sentPulse()).slice(0, -1)],
    ['something behind the object', `${json(sentPulse())}x`],
    ['two objects', json(sentPulse()).repeat(2)],
    ['two byte order marks', `\ufeff\ufeff${json(sentPulse())}`],
    ['NUL bytes', '\u0000\u0000'],
    ['a NUL inside a string', '{"tenant":"a\u0000"}'],
    ['NaN', '{"used_amount":NaN}'],
    ['Infinity', '{"used_amount":Infinity}'],
    ['a leading zero', '{"used_amount":01}'],
    ['a bare point', '{"used_amount":.5}'],
    ['single quotes', "{'tenant':'acme'}"],
    ['a trailing comma', '[{},]'],
    ['a comment', '{}//'],
  ])('%s is malformed', (_, body) => {
    expect(outcomesOf(body)).toMatchObject([
      { reason: 'malformed_json', index: undefined, body: Buffer.from(body).toString('latin1') },
    ]);
  });

  test.each([
    ['a Latin-1 letter', [0xe9]],
    ['a cut off sequence', [0xf0, 0x9f, 0x98]],
    ['an overlong sequence', [0xc0, 0xaf]],
    ['a surrogate in UTF-8', [0xed, 0xa0, 0x80]],
    ['a byte that never occurs', [0xff]],
  ])(
    '%s inside a string is malformed, because decoding it would make different keys equal',
    (_, bytes) => {
      const [before = '', after = ''] = json(sentPulse({ tenant: 'XX' })).split('XX');
      const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
      expect(outcomesOf(body)).toMatchObject([
        { reason: 'malformed_json', body: body.toString('latin1') },
      ]);
    },
  );

  test('UTF-16 is malformed', () => {
    expect(reasonsOf(Buffer.from(json(sentPulse()), 'utf16le'))).toEqual(['malformed_json']);
  });

  test('a replacement character that was really sent is an ordinary character', () => {
    expect(outcomesOf(json(sentPulse({ tenant: '\ufffd' })))).toMatchObject([
      { pulse: { tenant: '\ufffd' } },
    ]);
  });

  test('a lone surrogate written as an escape is refused by the rule of its field', () => {
    expect(reasonsOf(`{"tenant":"\\ud800","product_sku":"s"}`)).toEqual(['invalid_tenant']);
  });

  test('the detail is short, however long the body', () => {
    const [outcome] = outcomesOf('x'.repeat(100_000));
    expect(outcome?.detail?.length).toBeLessThanOrEqual(200);
  });
});

describe('a body that is not a pulse', () => {
  test.each(['null', 'true', '1', '"text"', '0.1000000000000000055'])('%s is refused', (body) => {
    expect(outcomesOf(body)).toMatchObject([{ reason: 'not_an_object', body }]);
  });

  test('an empty array is refused', () => {
    expect(reasonsOf(' [ ] ')).toEqual(['empty_array']);
  });

  test.each(['[', '{"a":', '[{"tenant":'])(
    '%s, repeated 20,000 times, is refused and does not overflow the stack',
    (opening) => {
      expect(reasonsOf(opening.repeat(20_000))).toEqual(['malformed_json']);
    },
  );

  test('a well formed array of very many levels is refused as one bad element', () => {
    const body = '['.repeat(30_000) + ']'.repeat(30_000);
    expect(outcomesOf(body)).toMatchObject([
      { reason: 'not_an_object', index: 0, body: body.slice(1, -1) },
    ]);
  });

  test.each([
    ['members', json(Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`m${n}`, 0])))],
    ['elements', json(Array(60_000).fill(0))],
    ['levels', '['.repeat(500_000) + ']'.repeat(500_000)],
  ])('a body of very many %s is refused whole, because parsing it would take long', (_, body) => {
    expect(outcomesOf(body)).toMatchObject([
      {
        reason: 'body_too_large',
        detail: 'The body has more than 50,000 members and elements.',
        index: undefined,
      },
    ]);
  });

  test('a body of exactly the limit is read, one byte more is too large', () => {
    const pulse = json(sentPulse());
    expect(reasonsOf(pulse.padEnd(BODY_LIMITS.bodyBytesMax))).toEqual([undefined]);
    expect(outcomesOf(pulse.padEnd(BODY_LIMITS.bodyBytesMax + 1))).toMatchObject([
      { reason: 'body_too_large', index: undefined },
    ]);
  });

  test('10 MB are refused before anything is parsed', () => {
    const body = Buffer.alloc(10_000_000, '[');
    const startedMs = performance.now();
    expect(reasonsOf(body)).toEqual(['body_too_large']);
    expect(performance.now() - startedMs).toBeLessThan(500);
  });
});
