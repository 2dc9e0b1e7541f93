/** Requests of a round to the API. */
import { setTimeout as delay } from 'node:timers/promises';
import { TOKEN } from '../orders/order-client.ts';

const ANSWER_MS = 2_000;
const RETRY_MS = 100;
const GIVE_UP_MS = 90_000;

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

/** @throws Error There was no answer, or the API is unavailable. */
export async function ask(method: string, url: string, body?: string): Promise<ApiAnswer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const text = await response.text();
  if (response.status >= 500) throw new Error(`The API answered ${response.status}.`);
  return { status: response.status, text };
}

/** Sends a request again until it has an answer. @param onSend Called each time. */
export async function askUntilAnswered(
  method: string,
  url: string,
  body: string,
  onSend: () => void = () => undefined,
): Promise<ApiAnswer> {
  const deadlineMs = performance.now() + GIVE_UP_MS;
  for (;;) {
    onSend();
    const answer = await ask(method, url, body).catch(() => undefined);
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) throw new Error(`${method} ${url} has no answer`);
    await delay(RETRY_MS);
  }
}
