import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FatalError, RejectedError } from '../../src/core/errors.ts';
import { createSecretBox, newSecretKeys, parseSecretKeys } from '../../src/delivery/secret-box.ts';
import { newSecret } from '../../src/delivery/signature.ts';

const ENDPOINT = '018f2f5e-8f0a-7cc3-98c4-dc0c0c07398f';
const OLD = { id: 'k-2025', key: randomBytes(32) };
const NEW = { id: 'k-2026', key: randomBytes(32) };
const SECRET = newSecret();

function errorOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a secret box', () => {
  test('opens what it has sealed', () => {
    const box = createSecretBox([NEW]);
    for (const plain of [SECRET, '', 'Zoë 🙂']) {
      expect(box.open(box.seal(plain, ENDPOINT), ENDPOINT)).toBe(plain);
    }
  });

  test('stores version, key id, nonce, tag and ciphertext, and not the secret', () => {
    const sealed = createSecretBox([NEW]).seal(SECRET, ENDPOINT);
    expect(sealed[0]).toBe(1);
    expect(sealed[1]).toBe(NEW.id.length);
    expect(sealed.toString('latin1', 2, 2 + NEW.id.length)).toBe(NEW.id);
    expect(sealed).toHaveLength(2 + NEW.id.length + 12 + 16 + SECRET.length);
    expect(sealed.includes(SECRET.slice(6, 14))).toBe(false);
  });

  test('never seals the same way twice', () => {
    const box = createSecretBox([NEW]);
    const sealed = Array.from({ length: 100 }, () => box.seal(SECRET, ENDPOINT).toString('hex'));
    expect(new Set(sealed).size).toBe(100);
  });

  test('seals with the first key, and opens with all', () => {
    const before = createSecretBox([OLD]).seal(SECRET, ENDPOINT);
    const rotated = createSecretBox([NEW, OLD]);
    expect(rotated.currentKeyId).toBe(NEW.id);
    expect(rotated.open(before, ENDPOINT)).toBe(SECRET);
    expect(createSecretBox([NEW]).open(rotated.seal(SECRET, ENDPOINT), ENDPOINT)).toBe(SECRET);
  });

  test('names the key that is missing', () => {
    const sealed = createSecretBox([OLD]).seal(SECRET, ENDPOINT);
    for (const keys of [[NEW], []]) {
      const error = errorOf(() => createSecretBox(keys).open(sealed, ENDPOINT));
      expect(error).toBeInstanceOf(FatalError);
      expect(error).toMatchObject({
        code: 'PULSE_DELIVERY_SECRET_KEY',
        message: expect.stringContaining(`the key "${OLD.id}"`) as string,
      });
    }
  });

  test('without keys seals nothing, and says which variable is missing', () => {
    const box = createSecretBox([]);
    expect(box.currentKeyId).toBeUndefined();
    expect(errorOf(() => box.seal(SECRET, ENDPOINT))).toMatchObject({
      code: 'PULSE_DELIVERY_SECRET_KEY',
      message: expect.stringContaining('WEBHOOK_SECRET_KEYS is not set') as string,
    });
  });

  test('opens a secret for its own endpoint only', () => {
    const box = createSecretBox([NEW]);
    const sealed = box.seal(SECRET, ENDPOINT);
    expect(errorOf(() => box.open(sealed, 'another'))).toMatchObject({
      code: 'PULSE_DELIVERY_SECRET_DAMAGED',
      message: expect.stringContaining('endpoint another') as string,
    });
  });

  test('does not open with another key of the same id, and does not print the secret', () => {
    const sealed = createSecretBox([NEW]).seal(SECRET, ENDPOINT);
    const error = errorOf(() =>
      createSecretBox([{ id: NEW.id, key: OLD.key }]).open(sealed, ENDPOINT),
    );
    expect(error).toBeInstanceOf(FatalError);
    expect(error).toMatchObject({ code: 'PULSE_DELIVERY_SECRET_DAMAGED' });
    expect(String(error)).not.toContain(SECRET);
  });

  test('notices every change of what is stored', () => {
    const box = createSecretBox([NEW, OLD]);
    const sealed = box.seal(SECRET, ENDPOINT);
    for (let index = 0; index < sealed.length; index++) {
      const changed = Buffer.from(sealed);
      changed[index] = (changed[index] ?? 0) ^ 1;
      expect(
        errorOf(() => box.open(changed, ENDPOINT)),
        `byte ${index}`,
      ).toBeInstanceOf(FatalError);
    }
    for (let length = 0; length < sealed.length; length++) {
      const cut = sealed.subarray(0, length);
      expect(
        errorOf(() => box.open(cut, ENDPOINT)),
        `${length} bytes`,
      ).toBeInstanceOf(FatalError);
    }
  });

  test('binds the id of the key, even where two ids name the same key', () => {
    const box = createSecretBox([
      { id: 'a', key: NEW.key },
      { id: 'b', key: NEW.key },
    ]);
    const sealed = box.seal(SECRET, ENDPOINT);
    sealed[2] = 'b'.charCodeAt(0);
    expect(errorOf(() => box.open(sealed, ENDPOINT))).toBeInstanceOf(FatalError);
  });
});

describe('parseSecretKeys', () => {
  const text = (bytes: Buffer) => bytes.toString('base64');

  test('reads one key or several, in order', () => {
    expect(parseSecretKeys(`${NEW.id}:${text(NEW.key)}`)).toEqual([NEW]);
    expect(parseSecretKeys(`${NEW.id}:${text(NEW.key)},${OLD.id}:${text(OLD.key)}`)).toEqual([
      NEW,
      OLD,
    ]);
    expect(parseSecretKeys(`${'a'.repeat(32)}:${text(NEW.key)}`)).toHaveLength(1);
  });

  const key = text(NEW.key);
  test.each([
    ['nothing', '', 'must be id:base64'],
    ['no id', key, 'pair 1 has no id'],
    ['an empty id', `:${key}`, 'pair 1 has no id'],
    ['an id in capitals', `A:${key}`, 'pair 1 has no id'],
    ['an id of 33 characters', `${'a'.repeat(33)}:${key}`, 'pair 1 has no id'],
    ['a comma at the end', `a:${key},`, 'pair 2 has no id'],
    ['a space', `a:${key}, b:${key}`, 'pair 2 has no id'],
    ['two colons', `a:${key}:b`, 'pair 1 has no id'],
    ['no key', 'a:', 'the key "a" as 32 bytes'],
    ['31 bytes', `a:${text(randomBytes(31))}`, 'the key "a" as 32 bytes'],
    ['33 bytes', `a:${text(randomBytes(33))}`, 'the key "a" as 32 bytes'],
    ['hexadecimal digits', `a:${NEW.key.toString('hex')}`, 'the key "a" as 32 bytes'],
    ['no padding', `a:${key.replace('=', '')}`, 'the key "a" as 32 bytes'],
    ['the same id twice', `a:${key},b:${key},a:${text(OLD.key)}`, 'has "a" twice'],
  ])('%s is refused, without printing a key', (_what, value, message) => {
    const error = errorOf(() => parseSecretKeys(value));
    expect(error).toBeInstanceOf(RejectedError);
    expect(error).toMatchObject({
      code: 'PULSE_DELIVERY_SECRET_KEY',
      message: expect.stringContaining(message) as string,
    });
    expect(String(error)).not.toContain(key.slice(0, 12));
  });

  test('reads new keys', () => {
    const [first, ...others] = parseSecretKeys(newSecretKeys());
    expect(first?.key).toHaveLength(32);
    expect(others).toEqual([]);
    expect(newSecretKeys()).not.toBe(newSecretKeys());
  });
});
