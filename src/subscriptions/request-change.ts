/** The API's side of a change: a message asks for it, and the answer becomes that of the request. */
import { HTTP_PROBLEMS, invalidField, ProblemError, type ProblemKind } from '../http/problems.ts';
import type { RpcClient } from '../messaging/rpc-client.ts';
import { REQUEST_KEYS } from './subscriptions-queues.ts';
import { SUBSCRIPTION_PROBLEMS } from './subscriptions-problems.ts';
import type { ChangeKind, RefusalCode, toSubscriptionJson } from './subscriptions.ts';

export interface RequestChangeDeps {
  readonly rpc: Pick<RpcClient, 'call'>;
  /** Of the names of exchanges and queues. */
  readonly prefix: string;
  /** How long a request waits for its answer. */
  readonly answerWithinMs?: number;
}

export type SubscriptionJson = ReturnType<typeof toSubscriptionJson>;

const ANSWER_WITHIN_MS = 5_000;

/**
 * @param message `messageId` is the same whenever the request is repeated.
 * @returns The subscription; undefined when the answer is late.
 * @throws ProblemError The change is refused.
 * @throws TransientError RabbitMQ has not confirmed the request: it may be handled later.
 */
export async function requestChange(
  { rpc, prefix, answerWithinMs = ANSWER_WITHIN_MS }: RequestChangeDeps,
  kind: ChangeKind,
  message: {
    readonly messageId: string;
    readonly body: object;
    readonly correlationId: string;
    readonly headers: Readonly<Record<string, string>>;
  },
): Promise<SubscriptionJson | undefined> {
  const routingKey = REQUEST_KEYS[kind];
  const { body, ...properties } = message;
  const answer = await rpc.call(
    {
      ...properties,
      exchange: `${prefix}SUBSCRIPTIONS`,
      routingKey,
      body: Buffer.from(JSON.stringify(body)),
      contentType: 'application/json',
      type: routingKey,
      timestampSec: Math.floor(Date.now() / 1000),
    },
    answerWithinMs,
  );
  return answer === undefined ? undefined : subscriptionOf(answer);
}

function subscriptionOf(answer: unknown): SubscriptionJson {
  const { ok, subscription, code, detail } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (ok === true && typeof subscription === 'object') return subscription as SubscriptionJson;
  throw refusalProblem(String(code), typeof detail === 'string' ? detail : 'No reason was given.');
}

const PROBLEMS: Readonly<Record<Exclude<RefusalCode, 'effective_at_too_late'>, ProblemKind>> = {
  invalid_message: HTTP_PROBLEMS.PULSE_API_INVALID_REQUEST,
  unknown_subscription: HTTP_PROBLEMS.PULSE_API_NOT_FOUND,
  subscription_exists: SUBSCRIPTION_PROBLEMS.PULSE_API_SUBSCRIPTION_EXISTS,
  subscription_status: SUBSCRIPTION_PROBLEMS.PULSE_API_SUBSCRIPTION_STATUS,
  change_pending: SUBSCRIPTION_PROBLEMS.PULSE_API_CHANGE_PENDING,
  too_many_pending: SUBSCRIPTION_PROBLEMS.PULSE_API_CHANGE_PENDING,
  too_many_changes: SUBSCRIPTION_PROBLEMS.PULSE_API_TOO_MANY_CHANGES,
  too_many_subscriptions: SUBSCRIPTION_PROBLEMS.PULSE_API_TOO_MANY_SUBSCRIPTIONS,
  effective_at_too_early: SUBSCRIPTION_PROBLEMS.PULSE_API_CHANGE_TOO_EARLY,
  change_not_pending: SUBSCRIPTION_PROBLEMS.PULSE_API_CHANGE_NOT_PENDING,
};

/** A refusal as a problem. What was given up after several attempts has a cause that only an operator may see. */
export function refusalProblem(code: string, detail: string): ProblemError {
  if (code === 'effective_at_too_late') {
    return invalidField('effective_at', detail.replace(/^effective_at /, '').replace(/\.$/, ''));
  }
  const kinds: Readonly<Record<string, ProblemKind>> = PROBLEMS;
  const kind = kinds[code];
  if (kind !== undefined) return new ProblemError(kind, { detail });
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_UNAVAILABLE, {
    detail: 'Several attempts failed. The request is in the quarantine, and can be replayed.',
  });
}
