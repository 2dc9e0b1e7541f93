/** Calls about subscriptions. */
import { follow } from './paging.ts';
import { repeat, type RetryOptions } from './retry.ts';
import type {
  NewSubscription,
  Subscription,
  SubscriptionChangesPage,
  SubscriptionsPage,
  SubscriptionsQuery,
  UnsubscribedUsagePage,
} from './subscription-types.ts';
import { PulseConnectionError, type Transport } from './transport.ts';

export interface PurchaseSubscriptionOptions extends RetryOptions {
  /**
   * 1 to 128 visible ASCII characters. Default: a new UUID for each call. Give your own to be able to repeat the call
   * after an error or a crash: for a day, the same key with the same request makes one change.
   */
  readonly idempotencyKey?: string;
}

export interface ChangeSubscriptionOptions extends PurchaseSubscriptionOptions {
  /** Default: at once. In the future the change is pending until then. */
  readonly effectiveAt?: string | Date;
}

/**
 * Changes are repeated under one idempotency key when there is no answer, when the answer is that it is not known yet
 * (202), and after 408, 429 and any 5xx.
 *
 * They throw PulseApiError: refused, such as 409 when the status does not allow the change, or still failing after
 * `retryForMs`. And PulseConnectionError: still no answer; the change may have been made, or will be.
 */
export interface SubscriptionsCalls {
  purchase(
    subscription: NewSubscription,
    options?: PurchaseSubscriptionOptions,
  ): Promise<Subscription>;
  cancel(id: string, options?: ChangeSubscriptionOptions): Promise<Subscription>;
  restart(id: string, options?: ChangeSubscriptionOptions): Promise<Subscription>;
  /** Withdraws the last pending change. */
  withdraw(id: string, number: number): Promise<Subscription>;
  get(id: string): Promise<Subscription>;
  /** One page, newest first. */
  page(query?: SubscriptionsQuery): Promise<SubscriptionsPage>;
  /** All of them, page after page, newest first. */
  all(query?: SubscriptionsQuery): AsyncIterableIterator<Subscription>;
  /** One page of the changes of a subscription, newest first. */
  changes(
    id: string,
    query?: { readonly limit?: number; readonly after?: number },
  ): Promise<SubscriptionChangesPage>;
  /** One page of what tenants use without a subscription, by tenant and product. */
  unsubscribedUsage(query?: {
    readonly limit?: number;
    readonly after?: string;
  }): Promise<UnsubscribedUsagePage>;
}

export function createSubscriptionsCalls(transport: Transport): SubscriptionsCalls {
  const pathOf = (id: string) => `/subscriptions/${encodeURIComponent(id)}`;
  const page = (query: SubscriptionsQuery = {}) =>
    transport.request<SubscriptionsPage>('GET', '/subscriptions', { query: { ...query } });

  const change = (
    { method, path, json }: { method: 'POST' | 'PUT'; path: string; json: object },
    { idempotencyKey = crypto.randomUUID(), ...retry }: PurchaseSubscriptionOptions,
  ): Promise<Subscription> => {
    const request = {
      json,
      headers: { 'idempotency-key': idempotencyKey },
      signal: retry.signal,
    };
    return repeat(async () => {
      const answer = await transport.request<Partial<Subscription>>(method, path, request);
      if (answer.status !== undefined) return answer as Subscription;
      throw new PulseConnectionError('The change is accepted, and its result is not known yet.', {
        cause: answer,
      });
    }, retry);
  };
  const changeStatus = (
    id: string,
    to: 'canceled' | 'restarted',
    { effectiveAt, ...options }: ChangeSubscriptionOptions = {},
  ): Promise<Subscription> => {
    const json = { [to]: true, effective_at: effectiveAt };
    return change({ method: 'PUT', path: `${pathOf(id)}/status`, json }, options);
  };

  return {
    purchase: (subscription, options = {}) =>
      // A copy: a change of the caller's object would make the next attempt another request under the same key.
      change(
        { method: 'POST', path: '/subscriptions', json: structuredClone(subscription) },
        options,
      ),
    cancel: (id, options) => changeStatus(id, 'canceled', options),
    restart: (id, options) => changeStatus(id, 'restarted', options),
    withdraw: (id, number) => transport.request('DELETE', `${pathOf(id)}/changes/${number}`),
    get: (id) => transport.request('GET', pathOf(id)),
    page,
    all: (query) => follow(page, query),
    changes: (id, query = {}) =>
      transport.request('GET', `${pathOf(id)}/changes`, { query: { ...query } }),
    unsubscribedUsage: (query = {}) =>
      transport.request('GET', '/unsubscribed-usage', { query: { ...query } }),
  };
}
