import { expect, test } from 'vitest';
import { SEND_FAILURES } from '../../src/delivery/send-failure.ts';
import { answerText, failureText } from '../../web/src/pages/events/last-answer.ts';

test('every failure to deliver has words', () => {
  for (const failure of [...SEND_FAILURES, 'message_expired']) {
    expect(failureText(failure)).toContain(' ');
  }
  expect(failureText('newer')).toBe('newer');
});

test('an answer is its status, and a missing one says why', () => {
  expect(answerText(200, null)).toBe('status 200');
  expect(answerText(null, 'dns')).toBe('no answer: host name not found');
  expect(answerText(302, 'redirect')).toBe('status 302: a redirect, which is not followed');
  expect(answerText(null, null)).toBe('–');
});
