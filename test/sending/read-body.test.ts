import { describe, expect, test } from 'vitest';
import { ARRAY_LENGTH_MAX } from '../../src/contract/rules.ts';
import { ProblemError } from '../../src/http/problems.ts';
import type { RecordMediaType } from '../../src/http/sent-records.ts';
import { readBody } from '../../src/sending/read-body.ts';
import { sentPulse } from '../support/pulses.ts';

function read(mediaType: RecordMediaType, body: string | Buffer) {
  return readBody({ mediaType, headers: {}, body: Buffer.from(body) });
}

function problemOf(mediaType: RecordMediaType, body: string | Buffer): unknown {
  try {
    return read(mediaType, body);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.kind.code;
  }
}

const JSON_TYPE = 'application/json';
const LINES = 'application/x-ndjson';
const BATCH = 'application/cloudevents-batch+json';
const EVENT = 'application/cloudevents+json';
const PULSE = JSON.stringify(sentPulse());

test('an array keeps the text of each of its pulses', () => {
  const pulses = read(JSON_TYPE, `[ {"used_amount": 1.50} ,{"used_amount":2.0}]`);
  expect(pulses.map((pulse) => pulse.ok && pulse.source())).toEqual([
    '{"used_amount": 1.50}',
    '{"used_amount":2.0}',
  ]);
});

test.each([
  [JSON_TYPE, PULSE],
  [JSON_TYPE, `[${PULSE}]`],
  [LINES, `${PULSE}\n`],
] as const)('a byte order mark before %s is ignored', (mediaType, body) => {
  const [pulse] = read(mediaType, `\ufeff${body}`);
  expect(pulse).toMatchObject({ ok: true, value: JSON.parse(PULSE) as object });
  expect(pulse?.ok === true && pulse.source()).toBe(PULSE);
});

describe('lines', () => {
  test('end with either kind of line end, and empty ones are skipped', () => {
    expect(read(LINES, `${PULSE}\n\n${PULSE}\r\n \n${PULSE}`)).toHaveLength(3);
  });

  test('are separate: only the broken one is refused', () => {
    const broken = Buffer.concat([Buffer.from(`${PULSE}\n{"tenant\n`), Buffer.from([0xff, 0x0a])]);
    const pulses = read(LINES, Buffer.concat([broken, Buffer.from(PULSE)]));
    expect(pulses.map(({ ok }) => ok)).toEqual([true, false, false, true]);
    expect(pulses[1]).toMatchObject({ refusal: { field: 'body', code: 'malformed_json' } });
  });
});

test.each([
  ['PULSE_API_MALFORMED_BODY', JSON_TYPE, ''],
  ['PULSE_API_MALFORMED_BODY', JSON_TYPE, '{"tenant":'],
  ['PULSE_API_MALFORMED_BODY', JSON_TYPE, Buffer.from([0x22, 0xff, 0x22])],
  ['PULSE_API_MALFORMED_BODY', EVENT, '<event/>'],
  ['PULSE_API_INVALID_REQUEST', JSON_TYPE, '[]'],
  ['PULSE_API_INVALID_REQUEST', LINES, ''],
  ['PULSE_API_INVALID_REQUEST', LINES, '\n \r\n'],
  ['PULSE_API_INVALID_REQUEST', EVENT, '[{}]'],
  ['PULSE_API_INVALID_REQUEST', BATCH, '{}'],
  ['PULSE_API_INVALID_REQUEST', BATCH, '[]'],
  ['PULSE_API_TOO_MANY_PULSES', JSON_TYPE, `[${'{},'.repeat(ARRAY_LENGTH_MAX)}{}]`],
  ['PULSE_API_TOO_MANY_PULSES', LINES, '{}\n'.repeat(ARRAY_LENGTH_MAX + 1)],
  ['PULSE_API_TOO_MANY_PULSES', BATCH, `[${'{},'.repeat(ARRAY_LENGTH_MAX)}{}]`],
] as const)('%s: the body as a whole is wrong (%s)', (code, mediaType, body) => {
  expect(problemOf(mediaType, body)).toBe(code);
});

test('a thousand are accepted', () => {
  expect(read(JSON_TYPE, `[${'{},'.repeat(ARRAY_LENGTH_MAX - 1)}{}]`)).toHaveLength(
    ARRAY_LENGTH_MAX,
  );
  expect(read(LINES, '{}\n'.repeat(ARRAY_LENGTH_MAX))).toHaveLength(ARRAY_LENGTH_MAX);
});
