import type { Pool } from 'pg';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createIdentities } from '../../src/access/identities.ts';

interface LookUp {
  readonly id: string;
  readonly answer: (isFound: boolean) => void;
}

/** Identities on a pool whose look-ups of keys end when the test says so. */
function openIdentities() {
  const lookUps: LookUp[] = [];
  const query = (sql: string, values?: [string]) => {
    const [id] = values ?? [];
    if (id === undefined) return Promise.resolve({ command: sql, rows: [] });
    return new Promise((resolve) => {
      const answer = (isFound: boolean): void => {
        const key = { role: 'viewer', scope: 'all', expiresAt: new Date(), revokedAt: null };
        resolve({ rows: isFound ? [{ id, ...key, secretHash: Buffer.alloc(32) }] : [] });
      };
      lookUps.push({ id, answer });
    });
  };
  const client = { query, on: () => client, off: () => client, release: () => undefined };
  const pool = { options: { max: 10 }, connect: () => Promise.resolve(client) };
  const identities = createIdentities(pool as unknown as Pool, pino({ level: 'silent' }));
  const ids = () => lookUps.map(({ id }) => id);
  const find = (id: string, address: string) =>
    identities.findKey(id, address).then(
      (key) => (key === undefined ? 'unknown' : 'found'),
      (error: unknown) => (error as { code: string }).code,
    );
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { lookUps, ids, find, settle };
}

test('ids that may be invented are looked up one at a time, those of one address after those of others', async () => {
  const { lookUps, ids, find, settle } = openIdentities();
  for (let index = 0; index < 50; index++) void find(`a${index}`, '192.0.2.1');
  const other = find('b', '192.0.2.2');
  void find('c', '2001:db8::1');
  void find('d', '2001:db8::2');
  await settle();
  expect(ids()).toEqual(['a0']);
  lookUps[0]!.answer(false);
  await settle();
  expect(ids()).toEqual(['a0', 'b']);
  lookUps[1]!.answer(true);
  expect(await other).toBe('found');
  await settle();
  expect(ids()).toEqual(['a0', 'b', 'c']);
});

test('a key that exists is looked up again at once, whoever else waits', async () => {
  const { lookUps, ids, find, settle } = openIdentities();
  const first = find('known', '192.0.2.1');
  await settle();
  lookUps[0]!.answer(true);
  expect(await first).toBe('found');
  for (let index = 0; index < 10; index++) void find(`a${index}`, `192.0.2.${index}`);
  expect(await find('known', '192.0.2.1')).toBe('found');
  await new Promise((resolve) => setTimeout(resolve, 2_050));
  void find('known', '192.0.2.1');
  await settle();
  expect(ids()).toEqual(['known', 'a0', 'known']);
});

test('a key is looked up from its own address though a stranger asks for it behind many others', async () => {
  const { lookUps, ids, find, settle } = openIdentities();
  for (let index = 0; index < 10; index++) void find(`a${index}`, '192.0.2.1');
  void find('wanted', '192.0.2.1');
  void find('wanted', '192.0.2.2');
  await settle();
  lookUps[0]!.answer(false);
  await settle();
  expect(ids()).toEqual(['a0', 'wanted']);
});

test('requests with one new key share a turn, and too many different ones are refused', async () => {
  const { find, settle } = openIdentities();
  void find('first', '192.0.2.1');
  let refused = '';
  for (let index = 0; index < 1_000; index++) {
    void find('same', '192.0.2.1').then((outcome) => (refused = outcome));
  }
  await settle();
  expect(refused).toBe('');
  const outcomes = Array.from({ length: 300 }, (_, index) => find(`a${index}`, '192.0.2.1'));
  expect(await outcomes.at(-1)).toBe('PULSE_POSTGRES_BUSY');
});
