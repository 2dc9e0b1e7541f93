import { DatabaseError, type Pool } from 'pg';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { fromDelivery } from '../../src/quarantine/dead-letter.ts';
import { storeDeadLetters } from '../../src/quarantine/store.ts';

const logger = pino({ level: 'silent' });

function row(body: string) {
  const fields = { exchange: 'pulses.dead', routingKey: 'key', redelivered: false };
  const headers = { traceparent: 'a header' };
  return fromDelivery(
    { content: Buffer.from(body), fields, properties: { headers, messageId: body } },
    'pulses',
  );
}

function databaseError(code: string): DatabaseError {
  return Object.assign(new DatabaseError('refused', 0, 'error'), { code });
}

/** A database that fails statements with the row `bad`; with `reducedToo`, also when it has no headers. */
function poolThatRefuses(error: Error, { reducedToo }: { reducedToo: boolean }) {
  const query = vi.fn((_text: string, [, reasons, , bodies, headers]: unknown[][]) => {
    const isBad = bodies?.some((body, index) => {
      return String(body) === 'bad' && (reducedToo || headers?.[index] !== '{}');
    });
    if (isBad === true) return Promise.reject(error);
    return Promise.resolve({ rows: reasons?.map((reason) => ({ reason })) });
  });
  return { query, pool: { query } as unknown as Pool };
}

const rows = [row('m1'), row('bad'), row('m2')];
const BLAMES_THE_ROW = [
  ['a data exception', databaseError('22P05')],
  ['a CHECK', databaseError('23514')],
  ['a program limit', databaseError('54000')],
  ['an exception of a trigger', databaseError('P0001')],
  ['a body too large for the driver', new RangeError('Invalid string length')],
  [
    'a body too large for Node.js',
    Object.assign(new Error('too long'), { code: 'ERR_STRING_TOO_LONG' }),
  ],
] as const;

test.each(BLAMES_THE_ROW)(
  '%s costs a row its headers, and the others nothing',
  async (_, error) => {
    const { query, pool } = poolThatRefuses(error, { reducedToo: false });
    const { reasons, refused } = await storeDeadLetters(rows, { pool, logger });
    expect(refused.size).toBe(0);
    expect(reasons).toHaveLength(3);
    const reduced = query.mock.calls.filter(([, parameters]) => parameters[4]?.[0] === '{}');
    expect(reduced).toHaveLength(1);
  },
);

test.each(BLAMES_THE_ROW)('%s of the reduced row refuses it alone', async (_, error) => {
  const { pool } = poolThatRefuses(error, { reducedToo: true });
  const { reasons, refused } = await storeDeadLetters(rows, { pool, logger });
  expect([...refused]).toEqual([[rows[1], error]]);
  expect(reasons).toHaveLength(2);
});

test.each([
  ['a lost connection', Object.assign(new Error('reset'), { code: 'ECONNRESET' })],
  ['an error without a code', new Error('Connection terminated unexpectedly')],
  ['a shutdown', databaseError('57P01')],
  ['a full disk', databaseError('53100')],
  ['a missing table', databaseError('42P01')],
  ['a missing right', databaseError('42501')],
  ['a read-only database', databaseError('25006')],
  ['a deadlock', databaseError('40P01')],
  ['an internal error', databaseError('XX000')],
] as const)('%s blames no row, and is thrown', async (_, error) => {
  const { pool } = poolThatRefuses(error, { reducedToo: true });
  await expect(storeDeadLetters(rows, { pool, logger })).rejects.toBe(error);
});
