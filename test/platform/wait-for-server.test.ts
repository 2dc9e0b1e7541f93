import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FatalError } from '../../src/core/errors.ts';
import { waitForServer, type AwaitedServer } from '../../src/platform/wait-for-server.ts';

let nowMs: number;
let warnings: { msg: string; server: string; waitedSeconds: number; giveUpSeconds: number }[];
const logger = pino(
  { level: 'warn' },
  { write: (line) => warnings.push(JSON.parse(line) as (typeof warnings)[number]) },
);

beforeEach(() => {
  nowMs = 1_000;
  warnings = [];
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** A server that answers the `answersAt`-th try; each try takes the given time. */
function fakeServer(options: Partial<AwaitedServer> & { answersAt?: number; tryMs?: number } = {}) {
  const { answersAt = Number.POSITIVE_INFINITY, tryMs = 0, ...rest } = options;
  let tries = 0;
  const server: AwaitedServer = {
    name: 'Redis',
    variable: 'REDIS_URL',
    url: 'redis://user:secret@redis.test:6379',
    code: 'PULSE_REDIS_UNREACHABLE',
    attempt() {
      tries += 1;
      nowMs += tryMs;
      return tries >= answersAt ? Promise.resolve() : Promise.reject(new Error('refused'));
    },
    refusalOf: () => undefined,
    ...rest,
  };
  return { server, tries: () => tries };
}

describe('waitForServer', () => {
  test('tries again until the server answers', async () => {
    const { server, tries } = fakeServer({ answersAt: 3 });
    await waitForServer(server, { timeoutMs: 5_000, logger });
    expect(tries()).toBe(3);
    expect(warnings).toEqual([]);
  });

  test('says that it waits, at most every five seconds', async () => {
    const { server } = fakeServer({ answersAt: 4, tryMs: 3_000 });
    await waitForServer(server, { timeoutMs: 60_000, logger });
    expect(warnings.map(({ waitedSeconds }) => waitedSeconds)).toEqual([3, 9]);
    expect(warnings[0]).toMatchObject({
      msg: 'waiting for a server',
      server: 'redis://redis.test:6379',
      giveUpSeconds: 60,
    });
  });

  test('fails after its timeout with the variable and the server but not the password', async () => {
    const { server } = fakeServer({ tryMs: 400 });
    await expect(waitForServer(server, { timeoutMs: 1_000, logger })).rejects.toMatchObject({
      code: 'PULSE_REDIS_UNREACHABLE',
      message: 'REDIS_URL: Redis at redis://redis.test:6379 does not answer.',
      retryable: false,
      cause: { message: 'refused' },
    });
  });

  test('tells each try how much time is left', async () => {
    const left: number[] = [];
    const attempt = (leftMs: number) => {
      left.push(leftMs);
      nowMs += 400;
      return Promise.reject(new Error('refused'));
    };
    const { server } = fakeServer({ attempt, silenceOf: () => 'says nothing' });
    await expect(waitForServer(server, { timeoutMs: 1_000, logger })).rejects.toThrow(
      'redis.test:6379 says nothing.',
    );
    expect(left).toEqual([1_000, 600, 200]);
  });

  test('does not wait when the server refuses', async () => {
    const { server, tries } = fakeServer({ refusalOf: () => 'refuses the password' });
    await expect(waitForServer(server, { timeoutMs: 60_000, logger })).rejects.toThrow(
      'refuses the password.',
    );
    expect(tries()).toBe(1);
  });

  test('passes on a fatal error of a try', async () => {
    const fatal = new FatalError('PULSE_REDIS_UNREACHABLE', 'write redis+cluster://');
    const { server } = fakeServer({ attempt: () => Promise.reject(fatal) });
    await expect(waitForServer(server, { timeoutMs: 60_000, logger })).rejects.toBe(fatal);
  });

  test('ends soon when it is told to stop', async () => {
    const stopping = new AbortController();
    const { server } = fakeServer();
    const { signal } = stopping;
    const waiting = waitForServer(server, { timeoutMs: 60_000, logger, signal });
    stopping.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'PULSE_REDIS_UNREACHABLE' });
  });
});
