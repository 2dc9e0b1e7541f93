import { afterEach, expect, test, vi } from 'vitest';
import { readEvents } from '../../web/src/api/event-stream.ts';

const SILENCE_MS = 10_000;

afterEach(() => {
  vi.useRealTimers();
});

interface Opened {
  readonly send: (text: string) => void;
  readonly end: () => void;
  readonly signal: () => AbortSignal | undefined;
  readonly events: string[];
  readonly reading: Promise<string>;
}

/** A stream whose body fails when its request is aborted, as a browser's does. */
function openStream({ stopping = new AbortController(), isAnswered = true } = {}): Opened {
  const events: string[] = [];
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let given: AbortSignal | undefined;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (started) => {
      controller = started;
    },
  });
  const reading = readEvents({
    signal: stopping.signal,
    silenceMs: SILENCE_MS,
    open: (signal) => {
      given = signal;
      return new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('aborted'));
          controller.error(new Error('aborted'));
        });
        if (isAnswered) resolve(body);
      });
    },
    onEvent: (lines) => events.push(lines.join('|')),
  }).then(
    () => 'ended',
    (error: unknown) => (error as Error).message,
  );
  return {
    ...{ events, reading, signal: () => given },
    send: (text) => {
      controller.enqueue(new TextEncoder().encode(text));
    },
    end: () => {
      controller.close();
    },
  };
}

test('events come whole, however their bytes arrive', async () => {
  const stream = openStream();
  stream.send('event: status\nda');
  stream.send('ta: {}\n\n: \n\nevent: end');
  stream.end();
  expect(await stream.reading).toBe('ended');
  expect(stream.events).toEqual(['event: status|data: {}', ': ']);
});

test('a connection that falls silent is given up, also before its first byte', async () => {
  vi.useFakeTimers();
  const [silent, unanswered] = [openStream(), openStream({ isAnswered: false })];
  await vi.advanceTimersByTimeAsync(SILENCE_MS - 1);
  silent.send(': \n\n');
  await vi.advanceTimersByTimeAsync(1);
  expect(await unanswered.reading).toBe(
    'Nothing has come for 10 seconds. The page goes on trying.',
  );
  expect(silent.signal()?.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(await silent.reading).toMatch(/^Nothing has come/);
  expect(silent.signal()?.aborted).toBe(true);
});

test('ends with its reader', async () => {
  const stopping = new AbortController();
  const stream = openStream({ stopping });
  stopping.abort();
  expect(await stream.reading).toBe('aborted');
});
