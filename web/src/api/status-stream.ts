/** The status of the installation, once a second, as server-sent events. */
import { useEffect, useState } from 'react';
import { fetchApi, problemOf } from './client.ts';
import { parseExact } from './exact-json.ts';
import type { paths } from './schema.d.ts';

export type Status =
  paths['/api/v1/status']['get']['responses']['200']['content']['application/json'];

export interface LiveStatus {
  readonly status: Status | undefined;
  /** The one some seconds before, for rates. */
  readonly before: Status | undefined;
  /** Why there is no news; the hook goes on trying. */
  readonly error: Error | undefined;
}

const URL_PATH = '/api/v1/status/stream';
const RETRY_MS = 2_000;
/** Rates are over so many events. */
const KEPT = 6;
/** An event is a few kilobytes. */
const BUFFER_MAX = 1_000_000;

export function useStatus(): LiveStatus {
  const [live, setLive] = useState<LiveStatus>({
    status: undefined,
    before: undefined,
    error: undefined,
  });
  useEffect(() => {
    const stopping = new AbortController();
    const recent: Status[] = [];
    const onStatus = (status: Status) => {
      recent.push(status);
      if (recent.length > KEPT) recent.shift();
      setLive({ status, before: recent[0], error: undefined });
    };
    void listen(stopping.signal, onStatus, (error) => {
      // A gap would make a wrong rate.
      recent.length = 0;
      setLive(({ status }) => ({ status, before: undefined, error }));
    });
    return () => {
      stopping.abort();
    };
  }, []);
  return live;
}

async function listen(
  signal: AbortSignal,
  onStatus: (status: Status) => void,
  onError: (error: Error) => void,
): Promise<void> {
  const isStopped = () => signal.aborted;
  while (!isStopped()) {
    try {
      await readStream(signal, onStatus);
    } catch (error) {
      if (isStopped()) return;
      onError(error instanceof Error ? error : new Error(String(error)));
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Reads until the stream ends. */
async function readStream(signal: AbortSignal, onStatus: (status: Status) => void): Promise<void> {
  const response = await fetchApi(new Request(new URL(URL_PATH, location.origin), { signal }));
  if (!response.ok) throw await problemOf(response);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    if (text.length > BUFFER_MAX) throw new Error('An event of the status stream is too long.');
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const status = statusOf(event);
      if (status !== undefined) onStatus(status);
    }
  }
}

function statusOf(event: string): Status | undefined {
  const lines = event.split('\n');
  if (!lines.includes('event: status')) return undefined;
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
  return parseExact(data.join('\n')) as Status;
}

/** Of a counter that only grows, a second; undefined until two values are known. */
export function ratePerSecond(
  { status, before }: Pick<LiveStatus, 'status' | 'before'>,
  counter: (sums: NonNullable<Status['sums']>) => number,
): number | undefined {
  if (!status?.sums || !before?.sums || status === before) return undefined;
  const seconds = (Date.parse(status.at) - Date.parse(before.at)) / 1_000;
  if (seconds <= 0) return undefined;
  return Math.max(0, (counter(status.sums) - counter(before.sums)) / seconds);
}
