/** Sends the status to everybody who listens, once a second, as server-sent events. */
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import type { Logger } from '../platform/logger.ts';
import { statusText } from './status-json.ts';
import { STATUS_PROBLEMS } from './status-problems.ts';
import { KEEP_MS, type StatusReader } from './status-reader.ts';

export interface StreamLimits {
  readonly perCaller: number;
  readonly total: number;
  /** A stream ends after so long; its reader opens another. */
  readonly lifeMs: number;
  /** Whether the caller may still listen is checked this often. */
  readonly checkMs: number;
  /** While it cannot be checked, the caller may listen for so long. */
  readonly uncheckedMs: number;
  /** A reader that takes no event for so long is dropped. */
  readonly stalledMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  perCaller: 8,
  total: 64,
  lifeMs: 3_600_000,
  checkMs: 2_000,
  uncheckedMs: 300_000,
  stalledMs: 30_000,
};

export interface Listener {
  /** As in logs. */
  readonly caller: string;
  /** The stream ends after so many. */
  readonly events: number | undefined;
  /** @throws ProblemError The caller may not listen any more. Anything else: it is not known at present. */
  readonly checkRights: () => Promise<void>;
  /** Calls back when the answer is over, for whatever reason. */
  readonly whenOver: (callback: () => void) => void;
  /** Ends the connection. */
  readonly cutOff: () => void;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

export interface StatusStreams {
  /** @throws ProblemError 429 or 503. */
  open(listener: Listener): Readable;
  /** Ends all streams; the reason is in their last event. */
  close(): void;
}

interface OpenStream extends Listener {
  readonly body: Readable;
  /** Has its last event. */
  isEnding: boolean;
  left: number;
  /** When the reader last had room for an event. */
  takenMs: number;
}

/** How long a reader may take for the last event. */
const LAST_EVENT_MS = 1_000;
const HEARTBEAT = ': \n\n';
const RETRY_AFTER = { 'retry-after': '5' };
/** Later than the reader's status is good for, so that each event is a new one. */
const EVERY_MS = KEEP_MS + 5;

export function createStatusStreams(
  reader: Pick<StatusReader, 'read'>,
  limits: StreamLimits,
): StatusStreams {
  const streams = new Set<OpenStream>();
  let isSending = false;

  const send = async (): Promise<void> => {
    isSending = true;
    while (streams.size > 0) {
      const startedMs = performance.now();
      const event = await nextEvent(reader);
      for (const stream of streams) offer(stream, event, limits);
      await delay(Math.max(0, EVERY_MS - (performance.now() - startedMs)));
    }
    isSending = false;
  };

  return {
    open(listener) {
      refuseTooMany([...streams], listener, limits);
      const body = new Readable({ read: () => undefined });
      const { events = Infinity } = listener;
      const state = { isEnding: false, left: events, takenMs: performance.now() };
      const stream: OpenStream = { ...listener, ...state, body };
      streams.add(stream);
      const stopWatching = watchRights(stream, limits);
      listener.whenOver(() => {
        streams.delete(stream);
        stopWatching();
      });
      // The headers go out with the first bytes; the first event may take two seconds.
      body.push(HEARTBEAT);
      if (!isSending) void send();
      return body;
    },
    close() {
      for (const stream of streams) endBecause(stream, HTTP_PROBLEMS.PULSE_API_CLOSING.code);
    },
  };
}

/** A heartbeat if there is no status, which is a defect: servers that do not answer are part of a status. */
async function nextEvent(reader: Pick<StatusReader, 'read'>): Promise<string> {
  try {
    return `event: status\ndata: ${statusText(await reader.read())}\n\n`;
  } catch {
    return HEARTBEAT;
  }
}

/** Skips a reader that has not read the event before: no stream holds more than one. */
function offer(stream: OpenStream, event: string, { stalledMs }: StreamLimits): void {
  if (stream.isEnding) return;
  const { body, caller, logger } = stream;
  if (body.readableLength > 0) {
    if (performance.now() - stream.takenMs < stalledMs) return;
    logger.warn({ caller }, 'status stream dropped: its reader takes nothing');
    stream.isEnding = true;
    stream.cutOff();
    return;
  }
  stream.takenMs = performance.now();
  body.push(event);
  stream.left -= 1;
  if (stream.left <= 0) end(stream);
}

function refuseTooMany(
  streams: readonly OpenStream[],
  { caller }: Listener,
  { perCaller, total }: StreamLimits,
): void {
  if (streams.filter((one) => one.caller === caller).length >= perCaller) {
    throw new ProblemError(STATUS_PROBLEMS.PULSE_API_TOO_MANY_STREAMS, {
      detail: `You have ${perCaller} streams open in this process, which is the limit. Close one.`,
      headers: RETRY_AFTER,
    });
  }
  if (streams.length >= total) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, {
      detail: `Too many streams are open in this process: the limit is ${total}.`,
      headers: RETRY_AFTER,
    });
  }
}

/** @returns Stops it. */
function watchRights(stream: OpenStream, limits: StreamLimits): () => void {
  const startedMs = performance.now();
  let checkedMs = startedMs;
  const look = async (): Promise<void> => {
    try {
      await stream.checkRights();
      checkedMs = performance.now();
    } catch (error) {
      if (error instanceof ProblemError) endBecause(stream, error.kind.code);
      else if (performance.now() - checkedMs > limits.uncheckedMs) {
        endBecause(stream, HTTP_PROBLEMS.PULSE_API_UNAVAILABLE.code);
      }
    }
  };
  const timer = setInterval(() => {
    if (performance.now() - startedMs > limits.lifeMs) end(stream);
    else void look();
  }, limits.checkMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

/** With a last event that says why. */
function endBecause(stream: OpenStream, code: string): void {
  if (stream.isEnding) return;
  const { body, caller, logger } = stream;
  logger.info({ caller, code }, 'status stream ended');
  body.push(`event: end\ndata: ${JSON.stringify({ code })}\n\n`);
  end(stream);
}

function end(stream: OpenStream): void {
  if (stream.isEnding) return;
  stream.isEnding = true;
  stream.body.push(null);
  const cutOff = setTimeout(stream.cutOff, LAST_EVENT_MS);
  cutOff.unref();
  stream.whenOver(() => {
    clearTimeout(cutOff);
  });
}
