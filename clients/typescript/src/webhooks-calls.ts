/** Calls about endpoints and deliveries. */
import { follow } from './paging.ts';
import type { Transport } from './transport.ts';
import type {
  DeliveriesPage,
  DeliveriesQuery,
  Delivery,
  DeliveryAttemptsPage,
  Endpoint,
  EndpointRecovery,
  EndpointsPage,
  EndpointsQuery,
  EndpointTest,
  EndpointWithSecret,
  NewEndpoint,
} from './webhooks-types.ts';

export interface WebhooksCalls {
  readonly endpoints: {
    /**
     * Creates an endpoint or changes it. What is left out gets its default, except the status, which stays.
     *
     * @param id 1 to 128 characters.
     * @returns With the secret if it was created: keep it, because no later answer has it.
     */
    put(id: string, endpoint: NewEndpoint): Promise<Endpoint | EndpointWithSecret>;
    get(id: string): Promise<Endpoint>;
    /** One page, by ascending id. */
    page(query?: EndpointsQuery): Promise<EndpointsPage>;
    /** All of them, page after page. */
    all(query?: EndpointsQuery): AsyncIterableIterator<Endpoint>;
    delete(id: string): Promise<void>;
    /**
     * Replaces the secret. The one before signs as well for `overlap_hours`, 24 by default.
     *
     * Not safe to repeat: a second rotation drops the first of three secrets at once.
     */
    rotateSecret(
      id: string,
      rotation?: { readonly secret?: string; readonly overlap_hours?: number },
    ): Promise<EndpointWithSecret>;
    /** Sends a test event at once, and says what came of it. */
    test(id: string): Promise<EndpointTest>;
    /** Sends what has failed, and what it has no delivery of. `dry_run` counts only. */
    recover(
      id: string,
      recovery: { readonly since: string | Date; readonly dry_run?: boolean },
    ): Promise<EndpointRecovery>;
  };
  readonly deliveries: {
    get(id: string): Promise<Delivery>;
    /** One page, newest first. */
    page(query?: DeliveriesQuery): Promise<DeliveriesPage>;
    /** All of them, page after page, newest first. */
    all(query?: DeliveriesQuery): AsyncIterableIterator<Delivery>;
    /** One page of the attempts of a delivery, newest first. */
    attempts(
      id: string,
      query?: { readonly limit?: number; readonly after?: number },
    ): Promise<DeliveryAttemptsPage>;
    /** Sends it again at once, or sends its event to another endpoint of the same client. */
    resend(id: string, to?: { readonly endpoint?: string }): Promise<Delivery>;
  };
}

/** How long the API may work on a recovery. */
const RECOVERY_MS = 65_000;

export function createWebhooksCalls(transport: Transport): WebhooksCalls {
  const endpointPath = (id: string) => `/endpoints/${encodeURIComponent(id)}`;
  const deliveryPath = (id: string) => `/deliveries/${encodeURIComponent(id)}`;
  const endpointsPage = (query: EndpointsQuery = {}) =>
    transport.request<EndpointsPage>('GET', '/endpoints', { query: { ...query } });
  const deliveriesPage = (query: DeliveriesQuery = {}) =>
    transport.request<DeliveriesPage>('GET', '/deliveries', { query: { ...query } });

  return {
    endpoints: {
      put: (id, json) => transport.request('PUT', endpointPath(id), { json }),
      get: (id) => transport.request('GET', endpointPath(id)),
      page: endpointsPage,
      all: (query) => follow(endpointsPage, query),
      // The answer has no body.
      delete: (id) => transport.request('DELETE', endpointPath(id), { isAnswer: () => true }),
      rotateSecret: (id, json = {}) =>
        transport.request('POST', `${endpointPath(id)}/rotate-secret`, { json }),
      test: (id) => transport.request('POST', `${endpointPath(id)}/test`),
      recover: (id, json) =>
        transport.request('POST', `${endpointPath(id)}/recover`, {
          json,
          answerWithinMs: RECOVERY_MS,
        }),
    },
    deliveries: {
      get: (id) => transport.request('GET', deliveryPath(id)),
      page: deliveriesPage,
      all: (query) => follow(deliveriesPage, query),
      attempts: (id, query = {}) =>
        transport.request('GET', `${deliveryPath(id)}/attempts`, { query: { ...query } }),
      resend: (id, json = {}) => transport.request('POST', `${deliveryPath(id)}/resend`, { json }),
    },
  };
}
