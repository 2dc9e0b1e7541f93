import { describe, expect, test } from 'vitest';
import { createRedactor, secretsInUrl } from '../../src/platform/redaction.ts';

describe('createRedactor', () => {
  test.each([
    ['as it is', 'the word is geheim-wort!', 'the word is [redacted]'],
    ['inside JSON', JSON.stringify({ a: 'x geheim-wort! y' }), '{"a":"x [redacted] y"}'],
    ['twice', 'geheim-wort!geheim-wort!', '[redacted][redacted]'],
  ])('removes a secret %s', (_where, text, redacted) => {
    expect(createRedactor(['geheim-wort!'])(text)).toBe(redacted);
  });

  test('removes a secret in JSON and URL encoding', () => {
    const secret = 'ge"heim\\ wort/ä';
    const redact = createRedactor([secret]);
    const text = `${JSON.stringify({ secret })} ${encodeURIComponent(secret)}`;
    expect(redact(text)).toBe('{"secret":"[redacted]"} [redacted]');
  });

  test('removes all of the longest secret, even if a shorter one is part of it', () => {
    expect(createRedactor(['geheimes', 'geheimes-wort'])('geheimes-wort')).toBe('[redacted]');
  });

  test.each([
    ['connect to amqp://pulse:pw@rabbit:5672/v failed', 'amqp://[redacted]@rabbit:5672/v'],
    ['postgres://u:p@ss@db/pulse', 'postgres://[redacted]@db/pulse'],
    ['{"url":"redis://:pw@redis:6379"}', 'redis://[redacted]@redis:6379'],
    ['postgres://db/pulse?user=u&password=pw&x=1', 'password=[redacted]&x=1'],
  ])('removes credentials from any URL: %s', (text, part) => {
    const redacted = createRedactor([])(text);
    expect(redacted).toContain(part);
    expect(redacted).not.toContain('pw');
    expect(redacted).not.toContain('p@ss');
  });

  test('keeps what is not a secret: short words, paths, addresses without credentials', () => {
    const text = '{"msg":"pulse at file:///app/node_modules/@scope/x.js and http://h:1/a@b"}';
    expect(createRedactor(['pulse', ''])(text)).toBe(text);
  });
});

test('secretsInUrl finds a password as written, decoded, and in the query', () => {
  expect(secretsInUrl('amqp://u:p%40ss@h')).toEqual(['p%40ss', 'p@ss']);
  expect(secretsInUrl('postgres://h/db?password=geheim')).toEqual(['geheim']);
  expect(secretsInUrl('redis://h')).toEqual([]);
  expect(secretsInUrl('no url')).toEqual([]);
  expect(secretsInUrl(undefined)).toEqual([]);
});
