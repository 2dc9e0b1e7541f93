import { expect, test } from 'vitest';
import { createHashingTurns } from '../../src/access/credentials.ts';
import { HTTP_PROBLEMS } from '../../src/http/problems.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Hashes that never end. */
function openTurns() {
  const inTurn = createHashingTurns();
  const begun: string[] = [];
  const begin = (share: string, isKnown: boolean) =>
    inTurn({ share, isKnown }, () => {
      begun.push(share);
      return new Promise<never>(() => undefined);
    });
  return { begin, begun };
}

test('strangers have one hash at a time, and never keep a known caller waiting', async () => {
  const { begin, begun } = openTurns();
  for (let index = 0; index < 100; index++) void begin(`192.0.2.${index}`, false);
  void begin('ada', true);
  await settle();
  expect(begun).toEqual(['192.0.2.0', 'ada']);
});

test('hashes of one share beyond a few that wait are refused, and those of others are not', async () => {
  const { begin } = openTurns();
  for (let index = 0; index < 11; index++) void begin('192.0.2.1', false);
  await expect(begin('192.0.2.1', false)).rejects.toMatchObject({
    kind: HTTP_PROBLEMS.PULSE_API_BUSY,
  });
  const other = begin('192.0.2.2', false).catch(() => 'refused');
  expect(await Promise.race([other, settle().then(() => 'waits')])).toBe('waits');
});
