/** Sends one webhook: one POST, bounded in time and size, to an address that the guard allows. */
import { Agent, buildConnector, type Dispatcher } from 'undici';
import { RejectedError } from '../core/errors.ts';
import type { AddressGuard } from './address-guard.ts';
import { limitAnswers } from './answer-limit.ts';
import { parseRetryAfter } from './retry-after.ts';
import { sendFailureOf, type SendFailure } from './send-failure.ts';
import { visibleText } from './visible-text.ts';

export interface Webhook {
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Gives the attempt up: `send` then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface SendResult {
  /** `delivered`: the receiver answered 2xx. */
  readonly outcome: 'delivered' | 'failed';
  /** Undefined when there was no answer. */
  readonly statusCode?: number;
  readonly durationMs: number;
  /** The first KiB of the answer. */
  readonly response?: string;
  /** Undefined when the status says it all. */
  readonly error?: SendFailure;
  /** How long the receiver wants no retry, up to 24 hours. */
  readonly retryAfterMs?: number;
  /** The receiver answered 410: it wants no more webhooks. */
  readonly gone?: true;
}

export interface WebhookSender {
  /**
   * Sends once and follows no redirect.
   *
   * The status decides, as soon as it has come: a body that is broken, slow or endless changes nothing, because
   * the receiver has already said whether it took the webhook.
   *
   * @throws Never on account of the receiver; the signal's reason if it aborts before there is an answer.
   */
  send(webhook: Webhook): Promise<SendResult>;
  /** Waits for attempts in flight. Sends nothing afterwards. */
  close(): Promise<void>;
}

export interface WebhookSenderOptions {
  readonly guard: AddressGuard;
  readonly userAgent: string;
  /** From the start to the end of what is read of the answer. */
  readonly timeoutMs?: number | undefined;
  /** Of it, for the name, the connection and TLS. */
  readonly connectTimeoutMs?: number | undefined;
  /**
   * To one origin. Webhooks beyond it wait, and their time runs. By default as many as a sender has in progress, because
   * clients whose receivers share an origin must not delay each other.
   */
  readonly connectionsMax?: number | undefined;
  /** Certificate authorities to trust instead of the well-known ones. For tests. */
  readonly ca?: string | undefined;
}

const KIB = 1024;
const RESPONSE_BYTES_MAX = KIB;
const HEADER_BYTES_MAX = 16 * KIB;
const KEEP_ALIVE_MS = 30_000;
const HTTP_GONE = 410;

export function createWebhookSender({
  guard,
  userAgent,
  timeoutMs = 15_000,
  connectTimeoutMs = 5_000,
  connectionsMax = 1_100,
  ca,
}: WebhookSenderOptions): WebhookSender {
  const agent = new Agent({
    connect: guardedConnector(guard, {
      timeout: connectTimeoutMs,
      ...(ca === undefined ? {} : { ca }),
    }),
    connections: connectionsMax,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  let closing: Promise<void> | undefined;
  return {
    async send({ url: text, headers, body, signal }) {
      const startedMs = performance.now();
      const durationMs = () => Math.round(performance.now() - startedMs);
      const checked = guard.checkUrl(text);
      if (!checked.ok) return { outcome: 'failed', durationMs: 0, error: 'refused_address' };
      const { origin, pathname, search } = checked.url;
      const deadline = startDeadline(timeoutMs, signal);
      try {
        const answer = await deadline.race(
          agent.request({
            origin,
            path: `${pathname}${search}`,
            method: 'POST',
            headers: { ...headers, 'user-agent': userAgent, 'accept-encoding': 'identity' },
            body,
            signal: deadline.signal,
          }),
        );
        const response = await readStart(answer.body);
        return { durationMs: durationMs(), response, ...verdictOf(answer, Date.now()) };
      } catch (error) {
        signal?.throwIfAborted();
        const failure = deadline.signal.aborted ? 'timeout' : sendFailureOf(error);
        return { outcome: 'failed', durationMs: durationMs(), error: failure };
      } finally {
        deadline.clear();
      }
    },
    close: () => (closing ??= agent.close()),
  };
}

/** Checks literal addresses again, for which Node.js calls no `lookup`. Bounds what is read. */
function guardedConnector(
  guard: AddressGuard,
  options: { readonly timeout: number; readonly ca?: string },
): buildConnector.connector {
  const connect = buildConnector({ ...options, allowH2: false, lookup: guard.lookup });
  return (target, callback) => {
    const checked = guard.checkUrl(`${target.protocol}//${target.host ?? target.hostname}`);
    if (checked.ok) {
      connect(target, (...result) => {
        if (result[0] === null) limitAnswers(result[1]);
        callback(...result);
      });
      return;
    }
    const error = new RejectedError('PULSE_DELIVERY_ADDRESS_REFUSED', checked.detail);
    queueMicrotask(() => {
      callback(error, null);
    });
  };
}

/** A signal that aborts after `timeoutMs`, or with another signal, from which `clear` detaches it. */
function startDeadline(timeoutMs: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = () => {
    controller.abort();
  };
  const timer = setTimeout(abort, timeoutMs);
  outer?.addEventListener('abort', abort);
  if (outer?.aborted === true) abort();
  const aborted = new Promise<never>((_, reject) => {
    const fail = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail);
  });
  return {
    signal,
    /** Needed because undici looks at the signal only once there is a connection. */
    race: <T>(work: Promise<T>): Promise<T> => Promise.race([work, aborted]),
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', abort);
    },
  };
}

/** The first KiB, whatever follows. Never fails: an answer that breaks off, or is too long, is as long as it got. */
async function readStart(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  let isWhole = false;
  try {
    for await (const chunk of body) {
      // A copy, because a part would keep the whole chunk in memory.
      if (length < RESPONSE_BYTES_MAX) {
        parts.push(Buffer.from(chunk.subarray(0, RESPONSE_BYTES_MAX - length)));
      }
      // The rest is read, too, so that the connection can be used again.
      length += chunk.length;
    }
    isWhole = length <= RESPONSE_BYTES_MAX;
  } catch {
    // The status has come, and decides.
  }
  return visibleText(Buffer.concat(parts), !isWhole);
}

function verdictOf(
  { statusCode, headers }: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'>,
  nowMs: number,
): Pick<SendResult, 'outcome' | 'statusCode' | 'error' | 'retryAfterMs' | 'gone'> {
  if (statusCode >= 200 && statusCode < 300) return { outcome: 'delivered', statusCode };
  const [retryAfter = ''] = [headers['retry-after'] ?? []].flat();
  const retryAfterMs = parseRetryAfter(retryAfter, nowMs);
  return {
    outcome: 'failed',
    statusCode,
    ...(statusCode >= 300 && statusCode < 400 ? { error: 'redirect' } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(statusCode === HTTP_GONE ? { gone: true } : {}),
  };
}
