import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Publication } from '../../src/contract/publication.ts';
import { HOUR_SECONDS, windowStartSec } from '../../src/core/window.ts';
import { namesInBody } from '../../src/quarantine/names-in-body.ts';
import { fixDeadLetter } from '../../src/quarantine/quarantine-query.ts';
import { beginReplay, completeReplay } from '../../src/quarantine/replay-query.ts';
import { replayDeadLetter } from '../../src/quarantine/replay.ts';
import { eventually } from '../support/eventually.ts';
import { sentPulse, toNanos } from '../support/pulses.ts';
import { ALICE, useQuarantineFixture } from './quarantine-fixture.ts';

const fixture = useQuarantineFixture();

const replay = (id: string) => replayDeadLetter(fixture.replay, id, { actor: ALICE });

async function fix(id: string, body: unknown): Promise<void> {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const change = { body: bytes, ...namesInBody(bytes), note: 'corrected', actor: ALICE };
  expect(await fixDeadLetter(fixture.pool, id, change)).toBe(true);
}

const historyOf = async (id: string) =>
  (await fixture.find(id)).actions.map(({ action }) => action);

/** Sends one bad pulse and waits for it in the quarantine. */
async function quarantined(body: unknown, properties = {}) {
  await fixture.send(body, properties);
  return (await fixture.waiting(1))[0]!;
}

describe('a fixed pulse that is replayed', () => {
  const good = sentPulse();
  const bad = sentPulse({ used_amount: -1 });

  test.each([
    ['with an id of its own', { ...bad, id: 'p-1' }, {}, { ...good, id: 'p-1' }],
    ['with a message id', bad, { messageId: 'm-1' }, good],
    ['inside an array', [bad], { messageId: 'm-1' }, good],
    ['without any identity', bad, {}, good],
    ['inside an array without any identity', [bad], {}, good],
    ['that was no JSON', '{"tenant', { messageId: 'm-1' }, [good]],
  ])('%s is counted once, however often it is replayed', async (_name, sent, properties, fixed) => {
    const { id } = await quarantined(sent, properties);
    await fix(id, fixed);
    expect(await replay(id)).toBe('replayed');
    await fixture.settled({ counted: 1, duplicates: 0 });
    expect(await replay(id)).toBe('replayed');
    expect(await replay(id)).toBe('replayed');
    await fixture.settled({ counted: 1, duplicates: 2 });
    expect(await fixture.list()).toMatchObject([{ id, state: 'replayed', isFixed: true }]);
    const [row, ...others] = await fixture.sums();
    expect(others).toEqual([]);
    expect(row).toMatchObject({ tenant: 'acme', pulseCount: 1 });
    expect(toNanos(row!.amount)).toBe(3_500_000_000n);
  });

  test('an element keeps its position: a copy that the producer sends again is a duplicate', async () => {
    const { id, pulseIndex } = await quarantined([good, bad], { messageId: 'm-1' });
    expect(pulseIndex).toBe(1);
    await fix(id, good);
    await replay(id);
    await fixture.settled({ counted: 2, duplicates: 0 });
    await fixture.send([good, good], { messageId: 'm-1' });
    await fixture.settled({ counted: 2, duplicates: 2 });
  });

  test('has a history: who, when, and the hashes of both bodies', async () => {
    const { id } = await quarantined(bad, { messageId: 'm-1' });
    await fix(id, good);
    await replay(id);
    const { actions, body, originalBody } = await fixture.find(id);
    expect(actions.map(({ action }) => action)).toEqual(['fixed', 'replay_started', 'replayed']);
    const [fixed, started] = actions;
    expect(fixed).toMatchObject({ actor: 'alice', via: 'api', note: 'corrected' });
    expect(fixed!.bodySha256Before).toMatch(/^[0-9a-f]{64}$/);
    expect(fixed!.bodySha256Before).not.toBe(fixed!.bodySha256);
    expect(started!.bodySha256).toBe(fixed!.bodySha256);
    expect(JSON.parse(body.toString())).toEqual(good);
    expect(JSON.parse(originalBody!.toString())).toEqual(bad);
  });
});

describe('the window of a pulse without a timestamp', () => {
  const windows = async () => (await fixture.sums()).map((row) => row.windowStartSec);

  test('is that of its first receipt, not of the replay', async () => {
    const { id } = await quarantined(sentPulse({ used_amount: 0 }), { messageId: 'm-1' });
    const receivedMs = Date.now() - 3 * 3_600_000;
    await fixture.pool.query('UPDATE dead_letters SET received_at = $1', [new Date(receivedMs)]);
    await fix(id, sentPulse());
    await replay(id);
    await fixture.settled({ counted: 1, duplicates: 0 });
    expect(await windows()).toEqual([windowStartSec(receivedMs, HOUR_SECONDS)]);
  });

  test('is that of its AMQP timestamp, if it had one', async () => {
    const timestamp = Math.floor(Date.now() / 1000) - 5 * 3_600;
    const { id } = await quarantined(sentPulse({ used_amount: 0 }), { timestamp });
    await fix(id, sentPulse());
    await replay(id);
    await fixture.settled({ counted: 1, duplicates: 0 });
    expect(await windows()).toEqual([windowStartSec(timestamp * 1000, HOUR_SECONDS)]);
  });
});

describe('a pulse that is refused again', () => {
  test.each([
    ['unchanged, with a message id', sentPulse({ tenant: '' }), { messageId: 'm-1' }, undefined],
    ['unchanged, with an id', sentPulse({ tenant: '', id: 'p' }), {}, undefined],
    ['unchanged, without identity', sentPulse({ tenant: '' }), {}, undefined],
    ['an element', [sentPulse({ tenant: '' })], { messageId: 'm-1' }, undefined],
    ['fixed badly', sentPulse({ tenant: '' }), { messageId: 'm-1' }, sentPulse({ use_unity: '' })],
    ['with headers', sentPulse({ tenant: '' }), { headers: { a: 'b', n: 1.5 } }, undefined],
  ])('waits again, as the same dead letter: %s', async (_name, sent, properties, fixed) => {
    const { id } = await quarantined(sent, properties);
    if (fixed !== undefined) await fix(id, fixed);
    for (const times of [1, 2]) {
      await replay(id);
      await expect
        .poll(async () => (await historyOf(id)).filter((action) => action === 'reopened').length)
        .toBe(times);
    }
    const rows = await fixture.list();
    expect(rows).toMatchObject([{ id, state: 'quarantined' }]);
    expect(rows[0]!.reason).toBe(fixed === undefined ? 'invalid_tenant' : 'invalid_use_unity');
    const { actions, maybeCountedSince } = await fixture.find(id);
    const reopened = actions.find(({ action }) => action === 'reopened')!;
    expect(reopened).toMatchObject({ actor: null, via: 'quarantine' });
    expect(reopened.note).toMatch(/^Refused again: invalid_/);
    // A refused pulse was certainly not counted.
    expect(maybeCountedSince).toBeNull();
    expect(await fixture.books()).toEqual({ counted: 0, duplicates: 0 });
  });

  test('is quarantined again even if it comes back before it was marked', async () => {
    const { id } = await quarantined(sentPulse({ tenant: '' }), { messageId: 'm-1' });
    const publish = async (publication: Publication): Promise<void> => {
      await fixture.replay.publish(publication);
      await eventually(() => historyOf(id)).toContain('reopened');
    };
    const deps = { ...fixture.replay, publish };
    expect(await replayDeadLetter(deps, id, { actor: ALICE })).toBe('overtaken');
    expect(await fixture.list()).toMatchObject([{ id, state: 'quarantined' }]);
    expect(await historyOf(id)).toEqual(['replay_started', 'reopened']);
  });

  test('as an element of a replayed array becomes a separate dead letter', async () => {
    const { id } = await quarantined('[', { messageId: 'm-1' });
    await fix(id, [sentPulse(), sentPulse({ tenant: '' })]);
    await replay(id);
    const [element] = await fixture.waiting(1);
    expect(element).toMatchObject({ pulseIndex: 1, messageId: 'm-1', reason: 'invalid_tenant' });
    expect(element!.id).not.toBe(id);
    expect(await fixture.list({ state: 'replayed' })).toMatchObject([{ id }]);
    await fix(element!.id, sentPulse());
    await replay(element!.id);
    await fixture.settled({ counted: 2, duplicates: 0 });
  });

  test('is inserted again if its row was deleted', async () => {
    const { id } = await quarantined(sentPulse({ tenant: '' }), { messageId: 'm-1' });
    const publish = async (publication: Publication): Promise<void> => {
      await fixture.pool.query('DELETE FROM dead_letters');
      await fixture.replay.publish(publication);
    };
    await replayDeadLetter({ ...fixture.replay, publish }, id, { actor: ALICE });
    expect(await fixture.waiting(1)).toMatchObject([{ id, reason: 'invalid_tenant' }]);
  });

  test('in a replay of an earlier body does not change the later one', async () => {
    const { id } = await quarantined(sentPulse({ tenant: '' }), { messageId: 'm-1' });
    let publication: Publication | undefined;
    const keep = (given: Publication): Promise<void> => {
      publication = given;
      return Promise.resolve();
    };
    await replayDeadLetter({ ...fixture.replay, publish: keep }, id, { actor: ALICE });
    await fixture.pool.query(`UPDATE dead_letters SET state = 'quarantined'`);
    await fix(id, sentPulse());
    await replay(id);
    await fixture.settled({ counted: 1, duplicates: 0 });
    await fixture.replay.publish(publication!);
    // This one is behind the late one in both queues: once it has arrived, the late one has been handled.
    await fixture.send('marker', { messageId: 'marker' });
    const [marker] = await fixture.waiting(1);
    expect(marker).toMatchObject({ messageId: 'marker' });
    expect(await fixture.list({ ids: [id] })).toMatchObject([{ state: 'replayed' }]);
  });
});

describe('replaying with a failure in between', () => {
  test('killed after the publication: still quarantined, and counted once when replayed again', async () => {
    const { id } = await quarantined(sentPulse({ used_amount: 0 }), { messageId: 'm-1' });
    await fix(id, sentPulse());
    const publish = async (publication: Publication): Promise<void> => {
      await fixture.replay.publish(publication);
      throw new Error('killed');
    };
    const killed = replayDeadLetter({ ...fixture.replay, publish }, id, { actor: ALICE });
    await expect(killed).rejects.toThrow('killed');
    await fixture.settled({ counted: 1, duplicates: 0 });
    expect(await fixture.list()).toMatchObject([{ id, state: 'quarantined' }]);
    expect(await replay(id)).toBe('replayed');
    await fixture.settled({ counted: 1, duplicates: 1 });
  });

  test('killed before the publication: still quarantined, and the history says who started it', async () => {
    const { id } = await quarantined(sentPulse({ used_amount: 0 }), { messageId: 'm-1' });
    const begin = { id, replayId: randomUUID(), rememberedSeconds: undefined, actor: ALICE };
    await beginReplay(fixture.pool, { ...begin, states: ['quarantined'] });
    expect(await fixture.list()).toMatchObject([{ id, state: 'quarantined' }]);
    expect((await fixture.find(id)).actions).toMatchObject([
      { action: 'replay_started', actor: 'alice' },
    ]);
    await fix(id, sentPulse());
    // The fix ended that replay: nothing marks the new body as sent.
    expect(await completeReplay(fixture.pool, begin)).toBe(false);
    expect(await fixture.list()).toMatchObject([{ id, state: 'quarantined' }]);
  });

  test('two people at the same time: counted once', async () => {
    const { id } = await quarantined(sentPulse({ used_amount: 0 }));
    await fix(id, sentPulse());
    const outcomes = await Promise.all([replay(id), replay(id), replay(id)]);
    expect(outcomes).toContain('replayed');
    await fixture.settled({ counted: 1, duplicates: 2 });
    expect(await fixture.list()).toMatchObject([{ id, state: 'replayed' }]);
  });
});
