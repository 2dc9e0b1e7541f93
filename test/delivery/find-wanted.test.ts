import { expect, test } from 'vitest';
import { selectWanted } from '../../src/delivery/find-wanted.ts';
import { countTurns } from '../support/count-turns.ts';

async function selectMany(): Promise<void> {
  const messages = Array.from({ length: 10 }, (_, size) => ({
    type: 'thing.made',
    data: JSON.stringify({ size, isEven: size % 2 === 0 }),
  }));
  const wanted = await selectWanted({ types: null, filter: { isEven: true } }, messages);
  expect(wanted).toEqual(messages.filter((_, size) => size % 2 === 0));
}

test('other work has its turn while long data is read, and is not waited for when it is short', async () => {
  expect(await countTurns(30, selectMany)).toBe(10);
  expect(await countTurns(1, selectMany)).toBe(0);
});
