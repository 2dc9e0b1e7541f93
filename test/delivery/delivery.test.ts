import { describe, expect, test } from 'vitest';
import {
  afterAttempt,
  paceOf,
  SET_ASIDE_AFTER,
  wants,
  webhookBody,
} from '../../src/delivery/delivery.ts';

const MESSAGE = {
  producer: 'shop',
  id: 'é"1',
  type: 'thing.made',
  typeVersion: 1,
  client: 'acme',
  number: '7',
  data: '{"size": 12345678901234567890.10}',
  occurredAt: new Date('2026-01-31T10:00:00Z'),
  storedAt: new Date('2026-01-31T10:00:01Z'),
};

describe('what an endpoint wants', () => {
  const ALL = { types: null, filter: null };

  test('is everything, unless it names types or members of the data', () => {
    expect(wants(ALL, MESSAGE)).toBe(true);
    expect(wants({ ...ALL, types: ['thing.made'] }, MESSAGE)).toBe(true);
    expect(wants({ ...ALL, types: ['thing.sold'] }, MESSAGE)).toBe(false);
  });

  test('is data with all members of the filter, of the same type and value', () => {
    const data = '{"color":"red","size":1.0,"gone":null}';
    const has = (filter: Record<string, string | number | null>) =>
      wants({ ...ALL, filter }, { type: 'thing.made', data });
    expect(has({ color: 'red' })).toBe(true);
    expect(has({ color: 'red', size: 1, gone: null })).toBe(true);
    expect(has({ color: 'blue' })).toBe(false);
    expect(has({ size: '1' })).toBe(false);
    expect(has({ missing: null })).toBe(false);
    expect(has({ toString: null })).toBe(false);
  });

  test('is never data that is no object, once there is a filter', () => {
    for (const data of ['null', '1', '"red"', '[]']) {
      expect(wants({ ...ALL, filter: { color: 'red' } }, { type: 'thing.made', data })).toBe(false);
    }
  });
});

test('a webhook carries the data as it was written, and the same id each time', () => {
  const body = webhookBody(MESSAGE).toString();
  expect(body.endsWith(`,"data":${MESSAGE.data}}`)).toBe(true);
  expect(webhookBody(MESSAGE).toString()).toBe(body);
  expect(JSON.parse(body)).toMatchObject({
    id: expect.stringMatching(/^msg_[0-9a-f-]{36}$/) as string,
    type: 'thing.made',
    timestamp: '2026-01-31T10:00:00.000Z',
    client: 'acme',
    number: 7,
    producer: 'shop',
    message_id: 'é"1',
  });
});

describe('an endpoint that fails', () => {
  test('has failed since its first failure after the last success', () => {
    const first = new Date(1_000);
    let state = afterAttempt({ failingSince: null, failuresInRow: 0 }, false, first);
    state = afterAttempt(state, false, new Date(2_000));
    expect(state).toEqual({ failingSince: first, failuresInRow: 2 });
    expect(afterAttempt(state, true, new Date(3_000))).toEqual({
      failingSince: null,
      failuresInRow: 0,
    });
  });

  test('is set aside after several failures in a row, with pauses that grow up to a minute', () => {
    expect(paceOf({ failuresInRow: SET_ASIDE_AFTER - 1 }, 10)).toEqual({
      concurrency: 10,
      pauseMs: 0,
    });
    const pauses = Array.from(
      { length: 10 },
      (_, more) => paceOf({ failuresInRow: SET_ASIDE_AFTER + more }, 10).pauseMs,
    );
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
    expect(pauses[0]).toBe(1_000);
    expect(pauses.at(-1)).toBe(60_000);
  });
});
