import { expect, test } from 'vitest';
import { healthOf } from '../../web/src/pages/events/endpoint-health.ts';

type Endpoint = Parameters<typeof healthOf>[0];

function wordsOf(changes: Partial<Endpoint>): string {
  const endpoint = {
    ...{ status: 'enabled', disabled_reason: null, failures_in_row: 0, last_attempt_at: null },
    ...changes,
  } as Endpoint;
  const { state, words } = healthOf(endpoint);
  return `${state}: ${words}`;
}

test('an endpoint without attempts got no message, which says nothing of tests', () => {
  expect(wordsOf({})).toBe('enabled: No message was delivered to it yet.');
  expect(wordsOf({ last_attempt_at: '2026-11-30T08:00:00Z' })).toBe(
    'ok: The last delivery succeeded.',
  );
});

test('failures in a row are counted, and ten of them slow it down', () => {
  expect(wordsOf({ failures_in_row: 1 })).toBe('failing: 1 failure in a row.');
  expect(wordsOf({ failures_in_row: 10 })).toContain('one delivery at a time');
});
