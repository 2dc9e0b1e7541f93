/** The users of a round who ask the API. */
import { TOKEN } from '../api-client.ts';
import type { Answer, Request } from './subscription-plan.ts';

/** How the API says what is answered by RPC with a code. */
const CODES: Readonly<Record<string, string>> = {
  PULSE_API_NOT_FOUND: 'unknown_subscription',
  PULSE_API_SUBSCRIPTION_STATUS: 'subscription_status',
  PULSE_API_CHANGE_PENDING: 'change_pending',
  PULSE_API_CHANGE_TOO_EARLY: 'effective_at_too_early',
};

/** @returns Undefined when the answer is late or the API is unavailable. May reject: the connection is lost. */
export async function askApi(
  { kind, body, messageId }: Request,
  { url }: { readonly url: string },
  waitMs: number,
): Promise<Answer | undefined> {
  const { id = '', ...rest } = body;
  const [method, path, members] =
    kind === 'purchased'
      ? ['POST', '/subscriptions', rest]
      : ['PUT', `/subscriptions/${id}/status`, { ...rest, [kind]: true }];
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'idempotency-key': messageId,
    },
    body: JSON.stringify(members),
    signal: AbortSignal.timeout(waitMs),
  });
  const text = await response.text();
  if (response.status === 202 || response.status >= 500) return undefined;
  if (response.ok) {
    return { ok: true, subscription: JSON.parse(text) as NonNullable<Answer['subscription']> };
  }
  const { code } = JSON.parse(text) as { code: string };
  // The one before, which nobody waits for any more, is still in progress.
  if (code === 'PULSE_API_IDEMPOTENCY_KEY_BUSY') return undefined;
  return { ok: false, code: CODES[code] ?? code };
}
