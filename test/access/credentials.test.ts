import { expect, onTestFinished, test } from 'vitest';
import { createHashingTurns } from '../../src/access/credentials.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Hashes that end with the test. */
function openTurns() {
  const inTurn = createHashingTurns();
  const begun: string[] = [];
  const hashes: Promise<string>[] = [];
  let end: (outcome: string) => void = () => undefined;
  const ended = new Promise<string>((resolve) => (end = resolve));
  onTestFinished(async () => {
    end('done');
    await Promise.all(hashes);
  });
  const begin = (share: string, isKnown: boolean): Promise<string> => {
    const hash = inTurn({ share, isKnown }, () => {
      begun.push(share);
      return ended;
    }).catch((error: unknown) => (error as { kind: { code: string } }).kind.code);
    hashes.push(hash);
    return Promise.race([hash, settle().then(() => 'waits')]);
  };
  return { begin, begun };
}

test('strangers have one hash at a time, and never keep a known caller waiting', async () => {
  const { begin, begun } = openTurns();
  for (let index = 0; index < 100; index++) await begin(`192.0.2.${index}`, false);
  await begin('ada', true);
  expect(begun).toEqual(['192.0.2.0', 'ada']);
});

test('hashes of one share beyond a few that wait are refused, and those of others are not', async () => {
  const { begin } = openTurns();
  for (let index = 0; index < 11; index++) expect(await begin('192.0.2.1', false)).toBe('waits');
  expect(await begin('192.0.2.1', false)).toBe('PULSE_API_BUSY');
  expect(await begin('192.0.2.2', false)).toBe('waits');
});
