/** What the pages of subscriptions ask the API. */
import { api, dataOf } from '../../api/client.ts';
import { queries } from '../../api/queries.ts';
import type { components } from '../../api/schema.d.ts';

export type Subscription = components['schemas']['Subscription'];
export type Change = components['schemas']['SubscriptionChange'];

export const SUBSCRIPTIONS = 'subscriptions';

export function refreshSubscriptions(): void {
  void queries.invalidateQueries({ queryKey: [SUBSCRIPTIONS] });
}

export type ChangeKind = 'canceled' | 'restarted';

/** @returns What happened, as a sentence. */
export async function changeStatus(
  id: string,
  kind: ChangeKind,
  { effectiveAt, key }: { readonly effectiveAt: string; readonly key: string },
): Promise<string> {
  const answer = await dataOf(
    api.PUT('/api/v1/subscriptions/{id}/status', {
      params: { path: { id } },
      body: {
        ...(kind === 'canceled' ? { canceled: true } : { restarted: true }),
        ...(effectiveAt === '' ? {} : { effective_at: effectiveAt }),
      },
      headers: { 'idempotency-key': key },
    }),
  );
  if (!('status' in answer)) return 'RabbitMQ has the request. It takes effect in a moment.';
  const isPending = answer.pending.some((change) => change.kind === kind);
  return isPending ? 'The change is scheduled. It can be withdrawn.' : `It is ${answer.status}.`;
}

export async function withdraw(id: string, number: number): Promise<string> {
  await dataOf(
    api.DELETE('/api/v1/subscriptions/{id}/changes/{number}', {
      params: { path: { id, number: String(number) } },
    }),
  );
  return 'The change is withdrawn.';
}
