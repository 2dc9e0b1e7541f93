import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Publication } from '../../src/contract/publication.ts';
import { fixDeadLetter } from '../../src/quarantine/quarantine-query.ts';
import { replayDeadLetter } from '../../src/quarantine/replay.ts';
import { sentPulse } from '../support/pulses.ts';
import { ALICE, DEDUPE_WINDOW_SECONDS, useQuarantineFixture } from './quarantine-fixture.ts';

const fixture = useQuarantineFixture();

const replay = (id: string, evenIfForgotten = false) =>
  replayDeadLetter(fixture.replay, id, { actor: ALICE, evenIfForgotten });

describe('a pulse that the broker dead-lettered', () => {
  /** Sends a pulse that is never acknowledged, until the delivery limit. */
  async function giveUp(body: unknown, messageId?: string): Promise<void> {
    await fixture.stop();
    const properties = {
      headers: { trace: 'abc' },
      ...(messageId === undefined ? {} : { messageId }),
    };
    await fixture.send(body, properties);
    const { channel, services } = fixture;
    const { consumerTag } = await channel.consume(services.queue, (delivery) => {
      if (delivery !== null) channel.nack(delivery, false, true);
    });
    fixture.startWriter();
    await fixture.waiting(1, { reason: 'delivery_limit' });
    await channel.cancel(consumerTag);
    fixture.startIngest();
  }

  test('is replayed unchanged, without the headers of the broker', async () => {
    await giveUp([sentPulse(), sentPulse({ tenant: 'globex' })], 'm-1');
    const { id } = (await fixture.list())[0]!;
    const sent: Publication[] = [];
    const publish = (publication: Publication): Promise<void> => {
      sent.push(publication);
      return fixture.replay.publish(publication);
    };
    await replayDeadLetter({ ...fixture.replay, publish }, id, { actor: ALICE });
    expect(Object.keys(sent[0]!.headers!).sort()).toEqual(['pulse-replay-id', 'trace']);
    await fixture.settled({ counted: 2, duplicates: 0 });
    await fixture.send([sentPulse(), sentPulse({ tenant: 'globex' })], { messageId: 'm-1' });
    await fixture.settled({ counted: 2, duplicates: 2 });
  });

  test('and had been counted adds nothing', async () => {
    await fixture.send(sentPulse(), { messageId: 'm-1' });
    await fixture.settled({ counted: 1, duplicates: 0 });
    await giveUp(sentPulse(), 'm-1');
    const { id } = (await fixture.list())[0]!;
    await replay(id);
    await fixture.settled({ counted: 1, duplicates: 1 });
  });

  test('again during the replay is quarantined again', async () => {
    await giveUp(sentPulse(), 'm-1');
    const { id } = (await fixture.list())[0]!;
    await fixture.stop();
    await replay(id);
    const { channel, services } = fixture;
    const { consumerTag } = await channel.consume(services.queue, (delivery) => {
      if (delivery !== null) channel.nack(delivery, false, true);
    });
    fixture.startWriter();
    await fixture.waiting(1);
    await channel.cancel(consumerTag);
    expect(await fixture.list()).toMatchObject([{ id, state: 'quarantined' }]);
    // Any of those deliveries may have been counted.
    expect((await fixture.find(id)).maybeCountedSince).not.toBeNull();
  });
});

describe('a pulse that may have been counted and whose id is forgotten', () => {
  const age = (seconds: number) =>
    fixture.pool.query(
      `UPDATE dead_letters SET maybe_counted_since = maybe_counted_since - $1 * interval '1 second'`,
      [seconds],
    );

  /** A dead letter that was refused and then fixed. */
  async function fixed() {
    await fixture.send(sentPulse({ used_amount: 0 }), { messageId: 'm-1' });
    const { id } = (await fixture.waiting(1))[0]!;
    const change = { tenant: 'acme', ownId: undefined, note: null, actor: ALICE };
    const body = Buffer.from(JSON.stringify(sentPulse({ timestamp: new Date().toISOString() })));
    await fixDeadLetter(fixture.pool, id, { ...change, body });
    return { id };
  }

  test('but not a message of the chain, which counts nothing', async () => {
    const { id } = await fixed();
    await fixture.pool.query(
      `UPDATE dead_letters SET queue = $2, maybe_counted_since = now() - interval '30 days'
       WHERE id = $1`,
      [id, fixture.services.queue],
    );
    expect(await replay(id)).toBe('replayed');
  });

  test('is not replayed a second time, unless asked to with evenIfForgotten', async () => {
    const { id } = await fixed();
    expect(await replay(id)).toBe('replayed');
    await age(DEDUPE_WINDOW_SECONDS - 60);
    expect(await replay(id)).toBe('replayed');
    await age(60);
    expect(await replay(id)).toBe('forgotten');
    await fixture.settled({ counted: 1, duplicates: 1 });
    expect(await replay(id, true)).toBe('replayed');
    await fixture.settled({ counted: 1, duplicates: 2 });
  });

  test('a pulse that was only refused can be replayed at any time', async () => {
    const { id } = await fixed();
    await fixture.pool.query(`UPDATE dead_letters SET received_at = now() - interval '30 days'`);
    expect(await replay(id)).toBe('replayed');
    await fixture.settled({ counted: 1, duplicates: 0 });
  });

  test('a made-up id is missing', async () => {
    expect(await replay(randomUUID())).toBe('missing');
  });
});
