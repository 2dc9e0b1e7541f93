import { describe, expect, test } from 'vitest';
import type { ReplayableDeadLetter } from '../../src/quarantine/quarantine.ts';
import { fromDelivery } from '../../src/quarantine/dead-letter.ts';
import { toReplayPublication } from '../../src/quarantine/replay-publication.ts';

const ID = '0b5e2c9e-6f1d-8a53-9a57-3f0c1f2b8a11';
const OPTIONS = { queue: 'pulses', replayId: '7f0f2f4e-4d3c-4b2a-9a46-0a7bb3a3c0ff' };
const receivedAt = new Date('2026-11-22T04:10:00.900Z');

function publicationOf(properties: object, changes: Partial<ReplayableDeadLetter> = {}) {
  const deadLetter = { id: ID, body: Buffer.from('{}'), pulseIndex: null, queue: null, receivedAt };
  const stored = properties as Record<string, unknown>;
  return toReplayPublication({ ...deadLetter, properties: stored, ...changes }, OPTIONS);
}

/** The properties as they come back from the table. */
function stored(properties: object): Record<string, unknown> {
  const fields = { exchange: 'pulses.dead', routingKey: 'key', redelivered: false };
  const { headersJson } = fromDelivery(
    { content: Buffer.from('{}'), fields, properties },
    'pulses',
  );
  return JSON.parse(headersJson) as Record<string, unknown>;
}

describe('the identity of a replay', () => {
  const long = 'm'.repeat(254);
  test.each([
    ['is the message id', { messageId: 'm-1' }, null, 'm-1'],
    ['is that of an element', { messageId: 'm-1' }, 12, 'm-1#12'],
    ['is made of the dead letter’s id when there is none', {}, null, `dead-letter:${ID}`],
    ['the same for an element', {}, 3, `dead-letter:${ID}`],
    ['the same when the message id was no UTF-8', { messageId: 'a\ufffd' }, 3, `dead-letter:${ID}`],
    ['the same when it would not fit', { messageId: long }, 10, `dead-letter:${ID}`],
    ['is as long as AMQP takes', { messageId: long }, null, long],
    [
      'is exact to the character that Postgres refuses',
      { messageId: 'a\u0000b' },
      null,
      'a\u0000b',
    ],
  ])('%s', (_name, properties, pulseIndex, messageId) => {
    expect(publicationOf(stored(properties), { pulseIndex })).toMatchObject({ messageId });
  });
});

test('the timestamp is the original one, or the time of receipt', () => {
  expect(publicationOf({ timestampSec: 1_700_000_000 }).timestampSec).toBe(1_700_000_000);
  expect(publicationOf({ timestampSec: 0 }).timestampSec).toBe(0);
  expect(publicationOf({}).timestampSec).toBe(Date.parse('2026-11-22T04:10:00Z') / 1000);
});

test('it goes to the queue, whichever exchange it was first published to', () => {
  expect(publicationOf({})).toMatchObject({ exchange: 'pulses', routingKey: 'pulses' });
});

describe('headers', () => {
  const mark = { 'pulse-replay-id': OPTIONS.replayId };

  test('are those of the producer, and the replay id', () => {
    const headers = {
      trace: 'abc',
      bytes: Buffer.from([0, 255]),
      ratio: 1.5,
      at: { '!': 'timestamp', value: 1_700_000_000 },
      nested: { list: [1, 'two', null] },
      'x-pulse-reason': 'invalid_tenant',
      'x-pulse-index': 1,
      'x-death': [{ reason: 'delivery_limit' }],
      'x-first-death-queue': 'pulses',
      'x-delivery-count': 20,
      CC: ['other'],
      'pulse-replay-id': 'an earlier one',
    };
    expect(publicationOf(stored({ headers, contentType: 'application/json' }))).toMatchObject({
      contentType: 'application/json',
    });
    expect(publicationOf(stored({ headers })).headers).toEqual({
      trace: 'abc',
      bytes: Buffer.from([0, 255]),
      ratio: { '!': 'double', value: 1.5 },
      at: { '!': 'timestamp', value: 1_700_000_000 },
      nested: { list: [1, 'two', null] },
      ...mark,
    });
  });

  test('are left out when they are too many to copy, so that the replay id is kept', () => {
    const headers = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`h${index}`, 'x'.repeat(1_000)]),
    );
    expect(publicationOf({ headers }).headers).toEqual(mark);
  });

  test.each([{}, { headers: null }, { headers: 'none' }, { headers: [] }])(
    'that are not headers at all do no harm: %j',
    (properties) => {
      expect(publicationOf(properties).headers).toMatchObject(mark);
    },
  );
});
