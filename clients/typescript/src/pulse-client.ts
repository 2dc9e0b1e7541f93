/** Typed calls of the Pulse API. */
import type {
  DeadLetter,
  DeadLettersPage,
  DeadLettersQuery,
  Pulse,
  PulseRow,
  PulsesPage,
  PulsesQuery,
  SendOutcome,
  UsagePage,
  UsageQuery,
  UsageRow,
} from './api-types.ts';
import { identify, toWire } from './identify.ts';
import { createMeter, type Meter, type MeterOptions } from './meter.ts';
import { createTransport, PulseApiError, type TransportOptions } from './transport.ts';

export type * from './api-types.ts';
export {
  MeterClosedError,
  MeterFullError,
  type Meter,
  type MeterOptions,
  type MeterRetry,
} from './meter.ts';
export { PulseApiError, PulseConnectionError } from './transport.ts';

export type PulseClientOptions = TransportOptions;

export interface SendOptions {
  /** Makes the whole request safe to repeat for a day, including pulses without an id. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

/** All calls throw PulseApiError for an error answer, and PulseConnectionError if there was no answer. */
export interface PulseClient {
  /** Logs in; later calls carry the token. */
  login(credentials: {
    username: string;
    password: string;
  }): Promise<{ token: string; expiresAt: Date }>;
  readonly pulses: {
    /** One page of flushed sums. */
    list(query?: PulsesQuery): Promise<PulsesPage>;
    get(id: string): Promise<PulseRow>;
  };
  readonly usage: {
    /** One page of sums, with their freshness. */
    page(query?: UsageQuery): Promise<UsagePage>;
    /** All sums, page after page. */
    rows(query?: UsageQuery): AsyncIterableIterator<UsageRow>;
  };
  readonly deadLetters: {
    page(query?: DeadLettersQuery): Promise<DeadLettersPage>;
    all(query?: DeadLettersQuery): AsyncIterableIterator<DeadLetter>;
  };
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
        headers: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
        signal,
      });
      return outcomes;
    } catch (error) {
      const outcomes = error instanceof PulseApiError ? error.problem?.outcomes : undefined;
      if (outcomes === undefined) throw error;
      return outcomes;
    }
  };
  const usagePage = (query: UsageQuery = {}) =>
    transport.request<UsagePage>('GET', '/usage', { query: { ...query } });
  const deadLettersPage = (query: DeadLettersQuery = {}) =>
    transport.request<DeadLettersPage>('GET', '/dead-letters', { query: { ...query } });

  return {
    async login(credentials) {
      const { Auth } = await transport.request<{ Auth: { Token: string; ExpiresAt: number } }>(
        'POST',
        '/login',
        { json: credentials },
      );
      transport.setToken(Auth.Token);
      return { token: Auth.Token, expiresAt: new Date(Auth.ExpiresAt * 1000) };
    },
    pulses: {
      list: (query = {}) => transport.request('GET', '/pulses', { query: { ...query } }),
      get: (id) => transport.request('GET', `/pulses/${encodeURIComponent(id)}`),
    },
    usage: { page: usagePage, rows: (query) => follow(usagePage, query) },
    deadLetters: { page: deadLettersPage, all: (query) => follow(deadLettersPage, query) },
    send,
    meter: (meterOptions) => createMeter(send, meterOptions),
  };
}

/** Yields the rows of all pages, following the cursor. */
async function* follow<Row, Query extends { readonly after?: string }>(
  page: (query: Query) => Promise<{ readonly data: readonly Row[]; readonly next: string | null }>,
  query: Query = {} as Query,
): AsyncGenerator<Row, void, undefined> {
  let current = query;
  for (;;) {
    const { data, next } = await page(current);
    yield* data;
    if (next === null) return;
    current = { ...current, after: next };
  }
}
