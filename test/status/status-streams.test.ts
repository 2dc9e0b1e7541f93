import type { Readable } from 'node:stream';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { HTTP_PROBLEMS, ProblemError } from '../../src/http/problems.ts';
import {
  createStatusStreams,
  STREAM_LIMITS,
  type Listener,
  type StreamLimits,
} from '../../src/status/status-streams.ts';
import { eventually } from '../support/eventually.ts';
import { QUIET } from './fake-status.ts';

function openStreams(limits: Partial<StreamLimits> = {}) {
  const reads = { count: 0 };
  const reader = {
    read: () => {
      reads.count += 1;
      return Promise.resolve(QUIET);
    },
  };
  const streams = createStatusStreams(reader, { ...STREAM_LIMITS, ...limits });
  /** Listens, as a route does. */
  const listen = (given: Partial<Listener> = {}) => {
    const over = new Set<() => void>();
    const state = { isCut: false };
    const end = () => {
      for (const callback of over) callback();
    };
    const body: Readable = streams.open({
      caller: 'alice',
      events: undefined,
      checkRights: () => Promise.resolve(),
      whenOver: (callback) => over.add(callback),
      cutOff: () => {
        state.isCut = true;
        end();
      },
      logger: pino({ level: 'silent' }),
      ...given,
    });
    body.setEncoding('utf8');
    onTestFinished(end);
    return { body, end, state };
  };
  return { reads, streams, listen };
}

async function textOf(body: Readable): Promise<string> {
  let text = '';
  for await (const chunk of body) text += String(chunk);
  return text;
}

const eventsIn = (text: string) => [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)];

test('every listener gets every status, from one read', async () => {
  const { listen, reads } = openStreams();
  const texts = await Promise.all(
    [1, 2, 3].map((name) => textOf(listen({ caller: `${name}`, events: 2 }).body)),
  );
  for (const text of texts) {
    expect(eventsIn(text).map(([, name]) => name)).toEqual(['status', 'status']);
    // As the digits were counted: JSON.parse would round them.
    expect(text).toContain('"received":9007199254740995,"counted":9007199254740993');
  }
  expect(reads.count).toBeLessThanOrEqual(3);
});

test('a caller may open a few streams, and all callers a few more', () => {
  const { listen } = openStreams({ perCaller: 2, total: 3 });
  const first = listen();
  listen();
  expect(() => listen()).toThrow('Too many streams are open.');
  listen({ caller: 'bob' });
  expect(() => listen({ caller: 'carol' })).toThrow('The server is busy.');
  first.end();
  listen({ caller: 'carol' });
});

test('a stream ends with the reason when its caller may no longer listen, and when the server closes', async () => {
  const { listen, streams } = openStreams({ checkMs: 5 });
  const refusal = new ProblemError(HTTP_PROBLEMS.PULSE_API_FORBIDDEN);
  const refused = textOf(listen({ checkRights: () => Promise.reject(refusal) }).body);
  expect(
    eventsIn(await refused)
      .at(-1)
      ?.slice(1),
  ).toEqual(['end', '{"code":"PULSE_API_FORBIDDEN"}']);
  const closed = textOf(listen().body);
  streams.close();
  expect(
    eventsIn(await closed)
      .at(-1)
      ?.slice(1),
  ).toEqual(['end', '{"code":"PULSE_API_CLOSING"}']);
});

test('a stream outlives an outage of the server that knows rights, but not a long one', async () => {
  const { listen } = openStreams({ checkMs: 5, uncheckedMs: 50 });
  const checks = { count: 0 };
  const { body } = listen({
    checkRights: () => {
      checks.count += 1;
      return Promise.reject(new Error('Postgres is unavailable.'));
    },
  });
  const events = eventsIn(await textOf(body));
  expect(events.at(-1)?.[2]).toBe('{"code":"PULSE_API_UNAVAILABLE"}');
  expect(checks.count).toBeGreaterThan(1);
});

test('a reader that takes nothing never costs more than one event, and is disconnected', async () => {
  const { listen } = openStreams({ stalledMs: 2_500 });
  const stalled = listen();
  const reading = listen({ caller: 'bob' });
  let largest = 0;
  let events = 0;
  reading.body.on('data', (chunk: string) => {
    events += eventsIn(chunk).length;
    largest = Math.max(largest, stalled.body.readableLength);
  });
  await eventually(() => stalled.state.isCut).toBe(true);
  expect(events).toBeGreaterThan(1);
  // The heartbeat that opens a stream is all that was ever put in.
  expect(largest).toBeLessThan(16);
  expect(reading.state.isCut).toBe(false);
});
