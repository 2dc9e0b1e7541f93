import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isCursor } from '../../src/http/cursor.ts';
import { SHOWN_BYTES_MAX, type DeadLetterFilters } from '../../src/quarantine/quarantine.ts';
import { fromDelivery } from '../../src/quarantine/dead-letter.ts';
import {
  discardDeadLetters,
  findDeadLetter,
  fixDeadLetter,
  insertDeadLetters,
  listDeadLetters,
} from '../../src/quarantine/quarantine-query.ts';
import { detailToJson } from '../../src/quarantine/dead-letter-json.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = new Pool({ connectionString: services.databaseUrl });
});
beforeEach(() => pool.query('TRUNCATE dead_letters CASCADE'));
afterAll(async () => {
  await pool.end();
  // The tear-down expects the topology.
  await services.close();
});

const ALICE = { name: 'alice', via: 'command_line', scope: 'all' } as const;

/** Inserts one like the writer, and returns its id. */
async function insert(
  given: { body?: string | Buffer; reason?: string; messageId?: string; headers?: object } = {},
): Promise<string> {
  const { body = '{"tenant":"acme"}', reason = 'invalid_id', headers } = given;
  const deadLetter = fromDelivery(
    {
      content: Buffer.from(body as string),
      fields: { exchange: 'pulses.dead', routingKey: 'key', redelivered: false },
      properties: {
        messageId: given.messageId ?? randomUUID(),
        headers: { 'x-pulse-reason': reason, 'x-pulse-exchange': 'pulses', ...headers },
      },
    },
    'pulses',
  );
  await insertDeadLetters(pool, [deadLetter]);
  return deadLetter.id;
}

const idsOf = async (filters: DeadLetterFilters) =>
  (await listDeadLetters(pool, { limit: 100, ...filters })).map(({ id }) => id);

describe('the list', () => {
  test('applies each filter, and all of them together', async () => {
    const old = await insert({ reason: 'invalid_tenant', body: '{"tenant":"globex"}' });
    await pool.query(`UPDATE dead_letters SET received_at = '2026-01-31T13:00:00Z'`);
    const named = await insert({ messageId: 'm-1' });
    const discarded = await insert({ reason: 'sum_overflow' });
    await discardDeadLetters(pool, { ids: [discarded] }, { limit: 1, note: 'why', actor: ALICE });
    const oldMs = Date.parse('2026-01-31T13:00:00Z');

    expect(await idsOf({})).toEqual([discarded, named, old]);
    expect(await idsOf({ reason: 'invalid_tenant' })).toEqual([old]);
    expect(await idsOf({ state: 'discarded' })).toEqual([discarded]);
    expect(await idsOf({ tenant: 'globex' })).toEqual([old]);
    expect(await idsOf({ tenant: 'GLOBEX' })).toEqual([]);
    expect(await idsOf({ messageId: 'm-1' })).toEqual([named]);
    expect(await idsOf({ fromMs: oldMs + 1 })).toEqual([discarded, named]);
    expect(await idsOf({ toMs: oldMs })).toEqual([]);
    expect(await idsOf({ toMs: oldMs + 1 })).toEqual([old]);
    expect(await idsOf({ ids: [old, named, randomUUID()] })).toEqual([named, old]);
    const all = { tenant: 'globex', reason: 'invalid_tenant', state: 'quarantined' } as const;
    expect(await idsOf({ ...all, fromMs: oldMs })).toEqual([old]);
    expect(await idsOf({ ...all, fromMs: oldMs, messageId: 'm-1' })).toEqual([]);
  });

  test('pages in both directions over rows of the same instant without missing or repeating any', async () => {
    await Promise.all(Array.from({ length: 11 }, () => insert()));
    await pool.query(`UPDATE dead_letters SET received_at = '2026-01-31T13:00:00.123456Z'`);
    await Promise.all(Array.from({ length: 6 }, () => insert()));
    for (const order of ['newest', 'oldest'] as const) {
      const whole = await listDeadLetters(pool, { limit: 100, order });
      const paged: string[] = [];
      let after: string | undefined;
      for (;;) {
        const page = await listDeadLetters(pool, { limit: 4, order, after });
        paged.push(...page.map(({ id }) => id));
        after = page.at(-1)?.cursor;
        if (after === undefined) break;
        expect(isCursor(after)).toBe(true);
        // With the newest first, rows that arrive in the meantime do not shift the pages.
        if (order === 'newest') await insert();
      }
      expect(paged).toEqual(whole.map(({ id }) => id));
    }
  });

  test('describes a row without its body', async () => {
    const id = await insert({ messageId: 'm-1', headers: { 'x-pulse-index': 3 } });
    const [row] = await listDeadLetters(pool, { limit: 1 });
    expect(row).toMatchObject({
      id,
      state: 'quarantined',
      reason: 'invalid_id',
      tenant: 'acme',
      messageId: 'm-1',
      pulseIndex: 3,
      bodyBytes: 17,
      isFixed: false,
      exchange: 'pulses',
      routingKey: 'key',
      redelivered: false,
    });
    expect(row).not.toHaveProperty('body');
  });
});

describe('one dead letter', () => {
  test('with a body of any bytes is shown as base64, with its headers', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0xc3]);
    const id = await insert({ body: bytes, headers: { trace: 'a\u0000b' } });
    const detail = (await findDeadLetter(pool, id))!;
    expect(detailToJson(detail)).toMatchObject({
      body: { encoding: 'base64', content: bytes.toString('base64') },
      body_is_cut: false,
      original_body: null,
      maybe_counted_since: null,
      properties: { headers: { trace: 'a\ufffdb' } },
      actions: [],
    });
  });

  test('with a body above the limit is shown truncated', async () => {
    const id = await insert({ body: 'é'.repeat(SHOWN_BYTES_MAX / 2 + 10) });
    const json = detailToJson((await findDeadLetter(pool, id))!);
    expect(json.body_is_cut).toBe(true);
    expect(json.body_bytes).toBe(SHOWN_BYTES_MAX + 20);
    expect(Buffer.byteLength(json.body.content)).toBe(SHOWN_BYTES_MAX);
  });

  test('with an unknown id is not found', async () => {
    expect(await findDeadLetter(pool, randomUUID())).toBeUndefined();
  });
});

describe('fixing', () => {
  const fix = {
    body: Buffer.from('{"tenant":"fixed"}'),
    tenant: 'fixed',
    ownId: undefined,
    note: null,
    actor: ALICE,
  };

  test('replaces body and tenant, and keeps the original body over several fixes', async () => {
    const id = await insert();
    expect(await fixDeadLetter(pool, id, { ...fix, body: Buffer.from('1') })).toBe(true);
    expect(await fixDeadLetter(pool, id, fix)).toBe(true);
    const detail = (await findDeadLetter(pool, id))!;
    expect(detail).toMatchObject({ tenant: 'fixed', isFixed: true, bodyBytes: 18 });
    expect(detail.body).toEqual(fix.body);
    expect(detail.originalBody!.toString()).toBe('{"tenant":"acme"}');
    const [first, second] = detail.actions;
    expect(second!.bodySha256Before).toBe(first!.bodySha256);
  });

  test('changes only what is quarantined', async () => {
    const id = await insert();
    await discardDeadLetters(pool, { ids: [id] }, { limit: 1, note: 'why', actor: ALICE });
    expect(await fixDeadLetter(pool, id, fix)).toBe(false);
    expect(await fixDeadLetter(pool, randomUUID(), fix)).toBe(false);
    expect((await findDeadLetter(pool, id))!.isFixed).toBe(false);
  });
});

describe('discarding', () => {
  test('is recorded with who, when and why, and keeps the dead letter', async () => {
    const id = await insert();
    const options = { limit: 10, note: 'test traffic', actor: ALICE };
    expect(await discardDeadLetters(pool, { ids: [id] }, options)).toBe(1);
    expect(await discardDeadLetters(pool, { ids: [id] }, options)).toBe(0);
    const detail = (await findDeadLetter(pool, id))!;
    expect(detail.state).toBe('discarded');
    expect(detail.actions).toEqual([
      {
        action: 'discarded',
        actor: 'alice',
        via: 'command_line',
        at: expect.any(Date) as Date,
        note: 'test traffic',
        bodySha256Before: null,
        bodySha256: null,
      },
    ]);
  });

  test('by filter takes the oldest quarantined ones that match, up to the limit', async () => {
    const ids = [
      await insert(),
      await insert(),
      await insert({ reason: 'unknown' }),
      await insert(),
    ];
    const options = { limit: 2, note: 'why', actor: ALICE };
    expect(await discardDeadLetters(pool, { reason: 'invalid_id' }, options)).toBe(2);
    expect(await idsOf({ state: 'discarded' })).toEqual([ids[1], ids[0]]);
    expect(await discardDeadLetters(pool, { reason: 'invalid_id' }, options)).toBe(1);
    expect(await idsOf({ state: 'quarantined' })).toEqual([ids[2]]);
  });

  test('is final: a second copy of the same dead letter changes nothing', async () => {
    const id = await insert({ messageId: 'copied-1' });
    await discardDeadLetters(pool, { ids: [id] }, { limit: 1, note: 'why', actor: ALICE });
    expect(await insert({ messageId: 'copied-1' })).toBe(id);
    expect(await idsOf({ state: 'discarded' })).toEqual([id]);
  });
});

describe('a copy without a replay id', () => {
  const replayed = () => pool.query(`UPDATE dead_letters SET state = 'replayed'`);

  test('of a quarantined one is dropped, and its history does not change', async () => {
    const id = await insert({ messageId: 'copied-2' });
    await insert({ messageId: 'copied-2', reason: 'unknown' });
    expect(await idsOf({})).toEqual([id]);
    expect(await findDeadLetter(pool, id)).toMatchObject({ reason: 'invalid_id', actions: [] });
  });

  test('of one that was replayed unchanged reopens it', async () => {
    const id = await insert({ messageId: 'copied-3' });
    await replayed();
    await insert({ messageId: 'copied-3', reason: 'sum_overflow' });
    expect(await findDeadLetter(pool, id)).toMatchObject({
      state: 'quarantined',
      reason: 'sum_overflow',
      actions: [{ action: 'reopened', actor: null }],
    });
  });

  test('of one that was fixed and replayed is dropped: it has the old body', async () => {
    const id = await insert({ messageId: 'copied-4' });
    const fix = { body: Buffer.from('{}'), tenant: null, ownId: null, note: null, actor: ALICE };
    await fixDeadLetter(pool, id, fix);
    await replayed();
    await insert({ messageId: 'copied-4' });
    expect(await findDeadLetter(pool, id)).toMatchObject({ state: 'replayed' });
  });

  test('a made-up replay id is ignored', async () => {
    const id = await insert({ headers: { 'pulse-replay-id': randomUUID() } });
    expect(await idsOf({})).toEqual([id]);
  });
});

test('the history can only be inserted into', async () => {
  for (const sql of [
    `UPDATE dead_letter_actions SET actor = 'mallory'`,
    'DELETE FROM dead_letter_actions',
    'TRUNCATE dead_letter_actions',
  ]) {
    await expect(pool.query(sql)).rejects.toThrow('only inserted into');
  }
});
