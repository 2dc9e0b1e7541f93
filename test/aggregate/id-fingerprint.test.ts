import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_BYTES, IdFingerprints, NO_ID } from '../../src/aggregate/id-fingerprint.ts';
import { SipHash } from '../../src/aggregate/siphash.ts';
import { TENANT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { arbitraryKeyText } from '../support/pulses.ts';

const fingerprints = new IdFingerprints('a secret');

function fingerprintOf(tenant: string, id: string, of = fingerprints): string {
  const target = Buffer.alloc(ID_BYTES);
  of.write(target, 0, tenant, id);
  return target.toString('hex');
}

function referenceOf(secret: string, tenant: string, id: string): string {
  const hash = new SipHash(createHash('sha256').update(secret).digest().subarray(0, 16));
  const text = Buffer.from(`${tenant}\x1f${id}`);
  hash.hash(text, text.length);
  return Buffer.from(hash.output.buffer)
    .toString('hex')
    .slice(0, 2 * ID_BYTES);
}

describe('a fingerprint', () => {
  test('never changes, because it is remembered across releases', () => {
    expect(fingerprintOf('acme', 'pulse-1')).toBe('5093b6b8abbcfdb8c58f');
    expect(fingerprintOf('a:b|c"😀', 'é')).toBe('5b510387e79857173510');
  });

  test('is the first 80 bits of the hash of tenant, separator and id in UTF-8', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 400 });
    fc.assert(
      fc.property(text, arbitraryKeyText(TENANT_LENGTH_MAX), text, (secret, tenant, id) => {
        const own = fingerprintOf(tenant, id, new IdFingerprints(secret));
        expect(own).toBe(referenceOf(secret, tenant, id));
      }),
    );
  });

  test('of a long text is right, and so is that of the next short one', () => {
    for (const id of ['é'.repeat(5_000), 'p-1', 'x'.repeat(20_000), 'p-2']) {
      expect(fingerprintOf('acme', id)).toBe(referenceOf('a secret', 'acme', id));
    }
  });

  test('changes with the secret, the tenant, the id, and what belongs to which', () => {
    const all = [
      fingerprintOf('acme', 'p-1'),
      fingerprintOf('acme', 'p-1', new IdFingerprints('another secret')),
      fingerprintOf('other', 'p-1'),
      fingerprintOf('acme', 'p-2'),
      fingerprintOf('acmep', '-1'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test('writes nothing beside its place', () => {
    const target = Buffer.alloc(3 * ID_BYTES, 0xa5);
    fingerprints.write(target, ID_BYTES, 'acme', 'p-1');
    expect(target.toString('hex', ID_BYTES, 2 * ID_BYTES)).toBe(fingerprintOf('acme', 'p-1'));
    const border = 'a5'.repeat(ID_BYTES);
    expect(target.toString('hex', 0, ID_BYTES)).toBe(border);
    expect(target.toString('hex', 2 * ID_BYTES)).toBe(border);
  });

  test('of 200,000 consecutive ids never collides, and never says "no id"', () => {
    const seen = new Set<string>();
    for (let index = 0; index < 200_000; index++) seen.add(fingerprintOf('acme', `p-${index}`));
    expect(seen.size).toBe(200_000);
    expect(seen.has(Buffer.from(NO_ID).toString('hex'))).toBe(false);
  });
});
