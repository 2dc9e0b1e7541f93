import { hash } from '@node-rs/argon2';
import { expect, test } from 'vitest';
import { HTTP_PROBLEMS } from '../../src/http/problems.ts';
import {
  createConcurrencyLimit,
  hashPassword,
  needsRehash,
  verifyPassword,
} from '../../src/access/passwords.ts';
import { eventually } from '../support/eventually.ts';

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

test('work above the limit waits in order, and is refused when the queue is full', async () => {
  const limited = createConcurrencyLimit({ runningMax: 2, waitingMax: 3 });
  const releases: (() => void)[] = [];
  const begun: number[] = [];
  const work = (number: number) =>
    limited(async () => {
      begun.push(number);
      await new Promise<void>((resolve) => releases.push(resolve));
      if (number === 2) throw new Error('two failed');
      return number;
    });
  const results = Promise.allSettled([1, 2, 3, 4, 5, 6, 7].map(work));
  await Promise.resolve();
  expect(begun).toEqual([1, 2]);
  for (let released = 0; released < 5; released++) {
    await eventually(() => releases.length).toBeGreaterThan(released);
    releases[released]!();
  }
  const settled = await results;
  expect(begun).toEqual([1, 2, 3, 4, 5]);
  expect(
    settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as unknown))),
  ).toEqual([
    1,
    expect.objectContaining({ message: 'two failed' }),
    3,
    4,
    5,
    expect.objectContaining({ kind: HTTP_PROBLEMS.PULSE_API_BUSY }),
    expect.objectContaining({ kind: HTTP_PROBLEMS.PULSE_API_BUSY }),
  ]);
  await expect(limited(() => Promise.resolve('free again'))).resolves.toBe('free again');
});
