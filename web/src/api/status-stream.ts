/** The status of the installation, once a second, as server-sent events. */
import { useEffect, useState } from 'react';
import { fetchApi, problemOf } from './client.ts';
import { readEvents } from './event-stream.ts';
import { parseExact } from './exact-json.ts';
import type { Status } from './status.ts';

export interface LiveStatus {
  readonly status: Status | undefined;
  /** The one some seconds before, for rates. */
  readonly before: Status | undefined;
  /** Why there is no news; the hook goes on trying. */
  readonly error: Error | undefined;
  /** There was no news for some seconds. */
  readonly isOld: boolean;
}

const URL_PATH = '/api/v1/status/stream';
const RETRY_MS = 2_000;
/** Rates are over so many events. */
const KEPT = 6;
const SILENCE_MS = 10_000;
/** An event may take two seconds more than the one that it usually takes. */
const OLD_MS = 5_000;

const NOTHING: LiveStatus = {
  status: undefined,
  before: undefined,
  error: undefined,
  isOld: false,
};

/** Listens while the page is in sight: a browser has few connections to one server, and all its tabs share them. */
export function useStatus(): LiveStatus {
  const [live, setLive] = useState(NOTHING);
  useEffect(() => {
    const recent: Status[] = [];
    let aging: ReturnType<typeof setTimeout> | undefined;
    let listening: AbortController | undefined;
    const onStatus = (status: Status) => {
      recent.push(status);
      if (recent.length > KEPT) recent.shift();
      setLive({ status, before: recent[0], error: undefined, isOld: false });
      clearTimeout(aging);
      aging = setTimeout(() => {
        setLive((last) => ({ ...last, isOld: true }));
      }, OLD_MS);
    };
    const onGap = (error?: Error) => {
      // It would make a wrong rate.
      recent.length = 0;
      setLive((last) => ({ ...last, before: undefined, error }));
    };
    const follow = () => {
      listening?.abort();
      if (document.hidden) {
        onGap();
        return;
      }
      listening = new AbortController();
      void listen(listening.signal, onStatus, onGap);
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      listening?.abort();
      clearTimeout(aging);
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
      await readEvents({
        signal,
        silenceMs: SILENCE_MS,
        open: openStream,
        onEvent(lines) {
          const status = statusOf(lines);
          if (status !== undefined && !isStopped()) onStatus(status);
        },
      });
    } catch (error) {
      if (isStopped()) return;
      onError(error instanceof Error ? error : new Error(String(error)));
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function openStream(signal: AbortSignal) {
  const response = await fetchApi(new Request(new URL(URL_PATH, location.origin), { signal }));
  if (!response.ok) throw await problemOf(response);
  return response.body;
}

function statusOf(lines: readonly string[]): Status | undefined {
  if (!lines.includes('event: status')) return undefined;
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim());
  return parseExact(data.join('\n')) as Status;
}
