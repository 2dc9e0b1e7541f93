import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BUCKET_DIGITS,
  FINGERPRINT_BYTES,
  writeFingerprint,
  writeNoFingerprint,
} from '../../src/aggregate/fingerprint.ts';
import { TENANT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { arbitraryKeyText } from '../support/pulses.ts';

function fingerprintOf(given: { secret?: string; tenant?: string; id?: string } = {}): string {
  const { secret = 'a secret', tenant = 'acme', id = 'p-1' } = given;
  const target = Buffer.alloc(FINGERPRINT_BYTES);
  writeFingerprint(target, 0, { secret, tenant, id });
  return target.toString('latin1');
}

/** A second, slow implementation of the doc comment. */
function referenceOf(secret: string, tenant: string, id: string): string {
  const digest = createHash('sha256').update(`${secret}${tenant}\x1f${id}`).digest();
  let bucket = '';
  for (const byte of digest.subarray(0, 3)) {
    for (let shift = 0; shift < 8; shift += 2) bucket += String((byte >> shift) & 3);
  }
  let member = String(1 + (digest[3]! & 7));
  for (let at = 4; at < 16; at += 2) {
    member += String(digest.readUInt16LE(at) % 1000).padStart(3, '0');
  }
  return bucket + member;
}

describe('writeFingerprint', () => {
  test('is 12 digits for the bucket and a 19-digit number that Redis stores in 8 bytes', () => {
    fc.assert(
      fc.property(arbitraryKeyText(TENANT_LENGTH_MAX), fc.string(), (tenant, id) => {
        const text = fingerprintOf({ tenant, id });
        expect(text).toMatch(/^[0-3]{12}[1-8]\d{18}$/);
        expect(BigInt(text.slice(BUCKET_DIGITS))).toBeLessThan(2n ** 63n);
      }),
      { numRuns: 1_000 },
    );
  });

  test('never changes, because Redis keeps it across releases', () => {
    expect(fingerprintOf({ secret: '00'.repeat(32), tenant: 'acme', id: 'pulse-1' })).toBe(
      referenceOf('00'.repeat(32), 'acme', 'pulse-1'),
    );
    expect(fingerprintOf({ secret: '00'.repeat(32), tenant: 'acme', id: 'pulse-1' })).toBe(
      '0101230001025081474652919210539',
    );
    expect(fingerprintOf({ secret: 'ff'.repeat(32), tenant: 'a:b|c"😀', id: 'é' })).toBe(
      '0010221212313622305450534368796',
    );
  });

  test('matches its description for any secret, tenant and id', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, arbitraryKeyText(TENANT_LENGTH_MAX), text, (secret, tenant, id) => {
        expect(fingerprintOf({ secret, tenant, id })).toBe(referenceOf(secret, tenant, id));
      }),
    );
  });

  test('changes with the secret, the tenant and the id', () => {
    const all = [
      fingerprintOf(),
      fingerprintOf({ secret: 'another secret' }),
      fingerprintOf({ tenant: 'other' }),
      fingerprintOf({ id: 'p-2' }),
    ];
    expect(new Set(all).size).toBe(4);
  });

  test('moving letters between tenant and id changes the fingerprint', () => {
    expect(fingerprintOf({ tenant: 'ab', id: 'c' })).not.toBe(
      fingerprintOf({ tenant: 'a', id: 'bc' }),
    );
    expect(fingerprintOf({ tenant: 'a', id: 'b\x1fc' })).not.toBe(
      fingerprintOf({ tenant: 'a\x1fb', id: 'd' }),
    );
  });

  test('100,000 consecutive ids spread evenly over the buckets, and none collide', () => {
    const seen = new Set<string>();
    const buckets = new Map<string, number>();
    for (let index = 0; index < 100_000; index++) {
      const text = fingerprintOf({ id: String(index) });
      seen.add(text);
      const bucket = text.slice(0, 4);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
    }
    expect(seen.size).toBe(100_000);
    expect(buckets.size).toBe(256);
    for (const count of buckets.values()) {
      expect(count).toBeGreaterThan(250);
      expect(count).toBeLessThan(550);
    }
  });
});

describe('writeNoFingerprint', () => {
  test('differs from every fingerprint in its first byte', () => {
    const target = Buffer.alloc(FINGERPRINT_BYTES, '0');
    writeNoFingerprint(target, 0);
    expect(target[0]).toBe(0x20);
  });

  test('overwrites every byte that was in memory before', () => {
    const target = Buffer.from('s'.repeat(FINGERPRINT_BYTES * 3));
    writeNoFingerprint(target, FINGERPRINT_BYTES);
    const [before, place, after] = [0, 1, 2].map((index) =>
      target.toString('latin1', index * FINGERPRINT_BYTES, (index + 1) * FINGERPRINT_BYTES),
    );
    expect(place).not.toContain('s');
    expect([before, after]).toEqual(['s'.repeat(FINGERPRINT_BYTES), 's'.repeat(FINGERPRINT_BYTES)]);
  });
});
