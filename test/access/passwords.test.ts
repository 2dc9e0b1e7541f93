import { hash } from '@node-rs/argon2';
import { expect, test } from 'vitest';
import { hashPassword, needsRehash, verifyPassword } from '../../src/access/passwords.ts';

test('a hash is argon2id with the parameters of OWASP, salted, and verifies only its password', async () => {
  const [one, two] = await Promise.all([hashPassword('pässword 😀'), hashPassword('pässword 😀')]);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(one).not.toBe(two);
  expect(await verifyPassword(one, 'pässword 😀')).toBe(true);
  expect(await verifyPassword(one, 'password')).toBe(false);
  expect(needsRehash(one)).toBe(false);
});

test('a hash with other parameters still verifies and needs a new hash', async () => {
  for (const made of [
    await hash('secret', { memoryCost: 8_192, timeCost: 2, parallelism: 1 }),
    await hash('secret', { memoryCost: 19_456, timeCost: 1, parallelism: 1 }),
    await hash('secret', { algorithm: 1 as never, memoryCost: 19_456, timeCost: 2 }),
  ]) {
    expect(needsRehash(made)).toBe(true);
    expect(await verifyPassword(made, 'secret')).toBe(true);
  }
});
