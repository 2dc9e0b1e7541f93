/** Requests of a round to the API. */
import { setTimeout as delay } from 'node:timers/promises';

/** The static token of a round: for everything. */
export const TOKEN = 'a-static-token-of-faults-of-32-characters';

const ANSWER_MS = 2_000;
const RETRY_MS = 100;
const GIVE_UP_MS = 90_000;

export interface ApiRequest {
  readonly method: string;
  readonly url: string;
  readonly body?: string | undefined;
  readonly token?: string;
  readonly idempotencyKey?: string;
  /** How long it waits for an answer. */
  readonly answerMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

const TOO_MANY_REQUESTS = 429;

/** @throws Error There was no answer, or the API is unavailable or busy, perhaps with the same request before. */
export async function ask(request: ApiRequest): Promise<ApiAnswer> {
  const { method, url, body, token = TOKEN, idempotencyKey, answerMs = ANSWER_MS } = request;
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(answerMs),
  });
  const text = await response.text();
  if (response.status >= 500 || response.status === TOO_MANY_REQUESTS)
    throw new Error(`The API answered ${response.status}.`);
  return { status: response.status, text };
}

/** Sends a request again until it has an answer. @param onSend Called each time. */
export async function askUntilAnswered(
  request: ApiRequest,
  onSend: () => void = () => undefined,
): Promise<ApiAnswer> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    onSend();
    const answer = await ask(request).catch(() => undefined);
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) {
      throw new Error(`${request.method} ${request.url} has no answer`);
    }
    await delay(RETRY_MS);
  }
}
