import { expect, test } from 'vitest';
import {
  createPace,
  startProducing,
  type ProduceDeps,
} from '../../src/commands/produce-events-run.ts';
import { RejectedError, TransientError } from '../../src/core/errors.ts';
import { generateFakeEvents } from '../../src/events/fake-producers.ts';

function produce(count: number, deps: Partial<ProduceDeps>) {
  const options = { seed: 1, count, bad: 0.2, duplicates: 0.1, clients: 2 };
  return startProducing({
    events: generateFakeEvents(options),
    publish: () => Promise.resolve(),
    target: { exchange: 'events', routingKey: 'event' },
    rate: 20_000,
    seconds: 60,
    signal: new AbortController().signal,
    ...deps,
  });
}

test('a steady pace lets the rate through, and the first at once', () => {
  const pace = createPace(100, 0);
  let taken = pace.take(0, 100);
  expect(taken).toBe(1);
  for (let nowMs = 7; nowMs <= 1_001; nowMs += 7) taken += pace.take(nowMs, 100);
  expect(taken).toBe(101);
});

test('a stall is not made up for with a burst', () => {
  const pace = createPace(1_000, 0);
  pace.take(0, 10);
  expect(pace.take(60_000, 1_000)).toBe(51);
  expect(pace.take(60_001, 1_000)).toBe(1);
});

test('what has no place is not taken', () => {
  const pace = createPace(1_000, 0);
  expect(pace.take(10, 0)).toBe(0);
  expect(pace.take(10, 4)).toBe(4);
});

test('a run counts what it sent, of each kind', async () => {
  const bodies: Buffer[] = [];
  const result = await produce(300, {
    publish: ({ body }) => {
      bodies.push(body);
      return Promise.resolve();
    },
  }).done;
  expect(result).toMatchObject({ state: 'completed', sent: 300, confirmed: 300, error: null });
  expect(Object.values(result.kinds).reduce((sum, count) => sum + count, 0)).toBe(300);
  expect(result.kinds.duplicate).toBe(300 - new Set(bodies.map(String)).size);
});

test('what is not confirmed is sent again with its id', async () => {
  const ids: (string | undefined)[] = [];
  const result = await produce(1, {
    publish: ({ messageId }) => {
      ids.push(messageId);
      if (ids.length > 1) return Promise.resolve();
      return Promise.reject(new TransientError('PULSE_PUBLISH_UNCONFIRMED', 'Lost.'));
    },
  }).done;
  expect(result).toMatchObject({ state: 'completed', sent: 1, confirmed: 1, retried: 1 });
  expect(ids).toEqual(['fake-1-0', 'fake-1-0']);
});

test('a run fails with the reason when nothing is confirmed for too long, or ever can be', async () => {
  const blocked = new TransientError('PULSE_RABBIT_BLOCKED', 'RabbitMQ accepts nothing.');
  const late = produce(50, { publish: () => Promise.reject(blocked), giveUpAfterMs: -1 });
  expect(await late.done).toMatchObject({ state: 'failed', confirmed: 0, error: blocked.message });
  const refused = new RejectedError('PULSE_PUBLISH_INVALID', 'It is too large.');
  const final = produce(50, { publish: () => Promise.reject(refused) });
  expect(await final.done).toMatchObject({ state: 'failed', retried: 0, error: refused.message });
});

test('a stopped run sends no more, and waits for the confirms of what it sent', async () => {
  const stop = new AbortController();
  let confirm = (): void => undefined;
  const run = produce(1_000, {
    signal: stop.signal,
    publish: () =>
      new Promise((resolve) => {
        stop.abort();
        const others = confirm;
        confirm = () => {
          others();
          resolve();
        };
      }),
  });
  await new Promise(setImmediate);
  const { state, sent } = run.progress();
  expect(state).toBe('running');
  confirm();
  expect(await run.done).toMatchObject({ state: 'stopped', sent, confirmed: sent, error: null });
  expect(sent).toBeLessThan(1_000);
});
