import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyHeaders } from '../../src/contract/header-copy.ts';
import { throughTheWire } from '../support/amqp-codec.ts';

/** Values as amqplib decodes them, of every type it knows. */
const { value: arbitraryHeader } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.constant(null),
    fc.double(),
    fc.integer(),
    fc.constantFrom(2 ** 53, -(2 ** 63), 2 ** 63, 2 ** 64, -0, 2 ** 50 + 0.5),
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    fc.double().map((value) => ({ '!': 'timestamp', value })),
    fc
      .record({ places: fc.nat(255), digits: fc.nat() })
      .map((value) => ({ '!': 'decimal', value })),
    fc.string().map((type) => ({ '!': type })),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 20 }), tie('value'), { maxKeys: 4 }),
  ),
}));

describe('copyHeaders', () => {
  test('whatever headers another client sent, the copy can be sent', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('!', '', '__proto__', 'constructor', 'x-death', 'CC', '\ufffd'.repeat(255)),
    );
    fc.assert(
      fc.property(fc.dictionary(names, arbitraryHeader, { maxKeys: 8 }), (headers) => {
        expect(() => throughTheWire(copyHeaders(headers))).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });

  test('ordinary headers are copied unchanged', () => {
    const headers = {
      trace: 'abc',
      attempt: 3,
      ratio: 0.5,
      large: 2 ** 40,
      flag: true,
      nothing: null,
      bytes: Buffer.from([0, 255]),
      list: ['a', 1, ['b']],
      table: { inner: { deep: 'x' } },
      at: { '!': 'timestamp', value: 1_763_784_600 },
    };
    expect(throughTheWire(copyHeaders(headers))).toEqual(headers);
  });

  test('Pulse’s headers cannot be forged, and the broker’s are not copied', () => {
    const headers = {
      'x-pulse-reason': 'forged',
      'x-pulse-dead-letter-id': 'forged',
      'x-death': [{ count: 1 }],
      'x-first-death-queue': 'q',
      'x-last-death-queue': 'q',
      'x-delivery-count': 3,
      CC: ['elsewhere'],
      BCC: ['elsewhere'],
      'x-deathly': 'kept',
      cc: 'kept',
    };
    expect(copyHeaders(headers)).toEqual({ 'x-deathly': 'kept', cc: 'kept' });
  });

  test('a name that grew beyond 255 bytes in decoding does not prevent copying the others', () => {
    const name = Buffer.alloc(100, 0xff).toString();
    expect(throughTheWire(copyHeaders({ [name]: 1, trace: 'abc' }))).toMatchObject({
      trace: 'abc',
    });
    expect(() => throughTheWire(copyHeaders({ table: { [name]: 1 } }))).not.toThrow();
  });

  test('headers that are too large are dropped, and their number is sent instead', () => {
    const large = { trace: 'abc', large: 'x'.repeat(40_000) };
    expect(copyHeaders(large)).toEqual({ 'x-pulse-headers-dropped': 2 });
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`h${i}`, i]));
    expect(copyHeaders(many)).toEqual({ 'x-pulse-headers-dropped': 5_000 });
  });

  test('nested tables are cut at a fixed depth, so they never overflow the stack', () => {
    let deep: unknown = 'bottom';
    for (let level = 0; level < 10_000; level++) deep = { deep };
    expect(() => throughTheWire(copyHeaders({ deep }))).not.toThrow();
  });
});
