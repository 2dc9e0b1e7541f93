/** Typed calls of the Pulse API. */
import type {
  Pulse,
  PulseRow,
  PulsesAfter,
  PulsesAfterPage,
  PulsesPage,
  PulsesQuery,
  SendOutcome,
  UsagePage,
  UsageQuery,
  UsageRow,
} from './api-types.ts';
import { createAccessCalls, type AccessCalls } from './access-calls.ts';
import { createCatalogCalls, type CatalogCalls } from './catalog-calls.ts';
import { createDeadLettersCalls, type DeadLettersCalls } from './dead-letters-calls.ts';
import { createEventsCalls, type EventsCalls } from './events-calls.ts';
import { identify, toWire } from './identify.ts';
import { createMeter, type Meter } from './meter.ts';
import type { MeterOptions } from './meter-options.ts';
import { createExportsCalls, type ExportsCalls } from './exports-calls.ts';
import { createOrdersCalls, type OrdersCalls } from './orders-calls.ts';
import { follow } from './paging.ts';
import { createPopulateCalls, type PopulateCalls } from './populate-calls.ts';
import { createStatusCalls, type StatusCalls } from './status-calls.ts';
import { createSubscriptionsCalls, type SubscriptionsCalls } from './subscriptions-calls.ts';
import { createTransport, keyHeaders, PulseApiError, type TransportOptions } from './transport.ts';
import { createWebhooksCalls, type WebhooksCalls } from './webhooks-calls.ts';
import { createWorkflowsCalls, type WorkflowsCalls } from './workflows-calls.ts';

export type * from './access-types.ts';
export type * from './api-types.ts';
export type * from './catalog-types.ts';
export type * from './dead-letter-types.ts';
export type * from './events-types.ts';
export type * from './exports-types.ts';
export type * from './order-types.ts';
export type * from './populate-types.ts';
export type * from './status-types.ts';
export type * from './subscription-types.ts';
export type * from './webhooks-types.ts';
export type * from './workflows-types.ts';
export type { AccessCalls, IssuedToken } from './access-calls.ts';
export type { CatalogCalls } from './catalog-calls.ts';
export type { DeadLettersCalls } from './dead-letters-calls.ts';
export type { EventsCalls } from './events-calls.ts';
export type { ExportsCalls } from './exports-calls.ts';
export { MeterClosedError, MeterFullError, type Meter } from './meter.ts';
export type { MeterOptions, MeterRetry } from './meter-options.ts';
export {
  OrderUnfinishedError,
  type CreateOrderOptions,
  type OrdersCalls,
  type WaitForOrderOptions,
} from './orders-calls.ts';
export type { PopulateCalls } from './populate-calls.ts';
export type { StatusCalls } from './status-calls.ts';
export type {
  ChangeSubscriptionOptions,
  PurchaseSubscriptionOptions,
  SubscriptionsCalls,
} from './subscriptions-calls.ts';
export { PulseApiError, PulseConnectionError } from './transport.ts';
export { verifyWebhook, WebhookVerificationError, type WebhookHeaders } from './verify-webhook.ts';
export type { WebhooksCalls } from './webhooks-calls.ts';
export type { WorkflowsCalls } from './workflows-calls.ts';

export type PulseClientOptions = TransportOptions;

export interface SendOptions {
  /** Makes the whole request safe to repeat for a day, including pulses without an id. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/**
 * All calls throw PulseApiError for an error answer, and PulseConnectionError if there was no answer. Only
 * `orders.create`, changes of subscriptions, `events.send` and a meter repeat a request by themselves.
 */
export interface PulseClient
  extends
    AccessCalls,
    CatalogCalls,
    EventsCalls,
    ExportsCalls,
    PopulateCalls,
    StatusCalls,
    WebhooksCalls,
    WorkflowsCalls {
  readonly pulses: {
    /** One page of flushed sums. */
    list(query?: PulsesQuery): Promise<PulsesPage>;
    /** One page of those after a row. It may be short, or empty, although it has a `next`. */
    after(query?: PulsesAfter): Promise<PulsesAfterPage>;
    /** All flushed sums, page after page; with `after`, those after a row. */
    rows(query?: PulsesAfter): AsyncIterableIterator<PulseRow>;
    get(id: string): Promise<PulseRow>;
  };
  readonly usage: {
    /** One page of sums, with their freshness. */
    page(query?: UsageQuery): Promise<UsagePage>;
    /** All sums, page after page. */
    rows(query?: UsageQuery): AsyncIterableIterator<UsageRow>;
  };
  readonly orders: OrdersCalls;
  readonly subscriptions: SubscriptionsCalls;
  readonly deadLetters: DeadLettersCalls;
  /**
   * Sends up to 1,000 pulses in one attempt. To repeat it safely, give the pulses ids or the request a key. A
   * meter does all of that.
   */
  send(pulses: readonly Pulse[], options?: SendOptions): Promise<readonly SendOutcome[]>;
  /** Records usage in the background. Close it at the end. */
  meter(options?: MeterOptions): Meter;
}

/** Creates a client. It connects on first use. */
export function createPulseClient(options: PulseClientOptions): PulseClient {
  const transport = createTransport(options);

  const send: PulseClient['send'] = async (pulses, { idempotencyKey, signal } = {}) => {
    try {
      const { outcomes } = await transport.request<{ outcomes: SendOutcome[] }>('POST', '/pulses', {
        // With a key the API creates the ids, so the body must be the same at every attempt.
        json: pulses.map(idempotencyKey === undefined ? identify : toWire),
        headers: keyHeaders(idempotencyKey),
        signal,
        isAnswer: hasOutcomes,
      });
      return outcomes;
    } catch (error) {
      const problem: unknown = error instanceof PulseApiError ? error.problem : undefined;
      if (!hasOutcomes(problem)) throw error;
      return problem.outcomes;
    }
  };
  const pulsesAfter = (query: PulsesAfter = {}) =>
    transport.request<PulsesAfterPage>('GET', '/pulses', {
      query: { ...query, after: query.after ?? '0' },
    });
  const usagePage = (query: UsageQuery = {}) =>
    transport.request<UsagePage>('GET', '/usage', { query: { ...query } });

  return {
    pulses: {
      list: (query = {}) => transport.request('GET', '/pulses', { query: { ...query } }),
      after: pulsesAfter,
      rows: (query) => follow(pulsesAfter, query),
      get: (id) => transport.request('GET', `/pulses/${encodeURIComponent(id)}`),
    },
    usage: { page: usagePage, rows: (query) => follow(usagePage, query) },
    ...createAccessCalls(transport),
    ...createCatalogCalls(transport),
    ...createEventsCalls(transport),
    ...createExportsCalls(transport),
    ...createPopulateCalls(transport),
    ...createStatusCalls(transport),
    ...createWebhooksCalls(transport),
    ...createWorkflowsCalls(transport),
    orders: createOrdersCalls(transport),
    subscriptions: createSubscriptionsCalls(transport),
    deadLetters: createDeadLettersCalls(transport),
    send,
    meter: (meterOptions) => createMeter(send, meterOptions),
  };
}

/** False for the JSON of another server, which a wrong URL may lead to. */
function hasOutcomes(body: unknown): body is { readonly outcomes: readonly SendOutcome[] } {
  if (typeof body !== 'object' || body === null || !('outcomes' in body)) return false;
  const { outcomes } = body;
  return (
    Array.isArray(outcomes) && outcomes.every((one) => typeof one === 'object' && one !== null)
  );
}
