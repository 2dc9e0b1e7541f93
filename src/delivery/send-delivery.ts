/** Sends one delivery once, and says what the attempt means. */
import { MESSAGE_EXPIRED } from './delivery.ts';
import type { AttemptRecord, DueDelivery } from './sender-query.ts';
import { retryAtMs } from './retry-schedule.ts';
import type { WebhookSender } from './send-webhook.ts';
import { signedHeaders } from './signature.ts';

export interface SendDeps {
  readonly sender: Pick<WebhookSender, 'send'>;
  readonly onAttempt: (outcome: 'delivered' | 'failed', seconds: number) => void;
}

/** What is sent of a message, without the message: while an answer is awaited, both would be in memory. */
export interface Webhook {
  readonly id: string;
  readonly body: Buffer;
}

export interface SentDelivery {
  readonly record: AttemptRecord;
  /** The endpoint wants nothing more. */
  readonly isGone: boolean;
}

/** Sends a delivery, signed with the time of now. @throws What a closed sender throws; nothing on account of the receiver. */
export async function sendDelivery(
  {
    url,
    secrets,
    delivery,
    webhook,
  }: {
    readonly url: string;
    /** Each signs. */
    readonly secrets: readonly string[];
    readonly delivery: DueDelivery;
    /** Undefined: the month of its message was dropped. */
    readonly webhook: Webhook | undefined;
  },
  { sender, onAttempt }: SendDeps,
): Promise<SentDelivery> {
  const attemptedAt = new Date();
  const { id: deliveryId, createdAt, attemptCount } = delivery;
  const head = { deliveryId, createdAt, attemptCount, attemptedAt };
  if (webhook === undefined) {
    const failure = { outcome: 'failed', statusCode: null, error: MESSAGE_EXPIRED } as const;
    const record = { ...head, ...failure, durationMs: 0, response: null, dueAt: null };
    return { record, isGone: false };
  }
  const { id, body } = webhook;
  const signed = signedHeaders({
    id,
    timestampSec: Math.floor(attemptedAt.getTime() / 1000),
    body,
    secrets,
  });
  const headers = { ...signed, 'content-type': 'application/json' };
  // Rejects only when the sender is closed; another process sends the delivery when the lease ends.
  const result = await sender.send({ url, headers, body });
  onAttempt(result.outcome, result.durationMs / 1000);
  const { outcome, statusCode = null, error = null, response = null, retryAfterMs } = result;
  const nextMs = retryAtMs({
    attempt: attemptCount + 1,
    nowMs: Date.now(),
    retryAfterMs,
    random: Math.random(),
  });
  const isOver = outcome === 'delivered' || nextMs === undefined;
  const dueAt = isOver ? null : new Date(nextMs);
  const durationMs = Math.round(result.durationMs);
  return {
    record: { ...head, outcome, statusCode, durationMs, error, response, dueAt },
    isGone: result.gone === true,
  };
}
