import { expect, test } from 'vitest';
import { onAbort } from '../../src/platform/on-abort.ts';

test('the action runs once, at the abort or at once after it', () => {
  const controller = new AbortController();
  const ran: string[] = [];
  onAbort(controller.signal, () => ran.push('before'));
  expect(ran).toEqual([]);
  controller.abort();
  controller.abort();
  expect(ran).toEqual(['before']);
  onAbort(controller.signal, () => ran.push('after'));
  expect(ran).toEqual(['before', 'after']);
});
