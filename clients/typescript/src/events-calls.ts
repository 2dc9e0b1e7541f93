/** Calls about events. */
import type {
  EventOutcome,
  EventType,
  EventTypesPage,
  EventTypeVersionsPage,
  Message,
  MessagesPage,
  MessagesQuery,
  NewEvent,
  NewEventType,
  Producer,
  ProducersPage,
  PullQuery,
} from './events-types.ts';
import { follow, nextOf } from './paging.ts';
import { repeat, type RetryOptions } from './retry.ts';
import { PulseApiError, type Transport } from './transport.ts';

interface ListQuery {
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

/** Registering producers and types takes an operator of all tenants. */
export interface EventsCalls {
  readonly producers: {
    /**
     * Registers a producer or changes its name. Safe to repeat.
     *
     * @param id 1 to 100 characters.
     */
    put(id: string, producer?: { readonly name?: string }): Promise<Producer>;
    get(id: string): Promise<Producer>;
    /** One page, by ascending id. */
    page(query?: ListQuery): Promise<ProducersPage>;
    /** All of them, page after page. */
    all(query?: ListQuery): AsyncIterableIterator<Producer>;
  };
  readonly eventTypes: {
    /**
     * Creates a type or adds a version. Safe to repeat: the newest version again adds nothing.
     *
     * @param name 1 to 100 letters, digits, `.`, `_`, `:` and `-`.
     * @param options `force`: adds the version even if it may refuse what the version before it accepts.
     * @throws PulseApiError Such as 409 PULSE_API_EVENT_TYPE_BREAKS.
     */
    put(
      name: string,
      type: NewEventType,
      options?: { readonly force?: boolean },
    ): Promise<EventType>;
    /** Default: the newest version. */
    get(name: string, version?: number): Promise<EventType>;
    /** One page, by ascending name. */
    page(query?: ListQuery): Promise<EventTypesPage>;
    /** All of them, page after page. */
    all(query?: ListQuery): AsyncIterableIterator<EventType>;
    /** One page of the versions of a type, newest first. */
    versions(
      name: string,
      query?: { readonly limit?: number; readonly after?: number },
    ): Promise<EventTypeVersionsPage>;
  };
  readonly events: {
    /**
     * Sends up to 500 events; what is called stored is committed. It is repeated when there is no answer, and after
     * 408, 429 and any 5xx: an event that was stored is a duplicate then.
     *
     * @returns For each event its outcome, rejections included.
     */
    send(events: readonly NewEvent[], options?: RetryOptions): Promise<readonly EventOutcome[]>;
  };
  readonly messages: {
    get(producer: string, id: string): Promise<Message>;
    /** One page, newest first. */
    page(query?: MessagesQuery): Promise<MessagesPage>;
    /** All of them, page after page, newest first. */
    all(query?: MessagesQuery): AsyncIterableIterator<Message>;
    /** Those of a client by ascending number, until there is no further one. Go on later with the last `number`. */
    pull(client: string, query?: PullQuery): AsyncIterableIterator<Message>;
  };
}

export function createEventsCalls(transport: Transport): EventsCalls {
  const get = <Page>(path: string) => {
    return (query: object = {}) => transport.request<Page>('GET', path, { query: { ...query } });
  };
  const producersPage = get<ProducersPage>('/producers');
  const typesPage = get<EventTypesPage>('/event-types');
  const messagesPage = get<MessagesPage>('/messages');
  const producerPath = (id: string) => `/producers/${encodeURIComponent(id)}`;
  const typePath = (name: string) => `/event-types/${encodeURIComponent(name)}`;

  return {
    producers: {
      put: (id, json = {}) => transport.request('PUT', producerPath(id), { json }),
      get: (id) => transport.request('GET', producerPath(id)),
      page: producersPage,
      all: (query) => follow<Producer, ListQuery>(producersPage, query),
    },
    eventTypes: {
      put: (name, json, { force } = {}) =>
        transport.request('PUT', typePath(name), { json, query: { force } }),
      get: (name, version) => transport.request('GET', typePath(name), { query: { version } }),
      page: typesPage,
      all: (query) => follow<EventType, ListQuery>(typesPage, query),
      versions: (name, query = {}) =>
        transport.request('GET', `${typePath(name)}/versions`, { query: { ...query } }),
    },
    events: {
      send(events, options = {}) {
        // A copy: a change of the caller's object would send another event under the same id.
        const json = structuredClone(events);
        return repeat(() => sendOnce(transport, json, options.signal), options);
      },
    },
    messages: {
      get: (producer, id) =>
        transport.request(
          'GET',
          `/messages/${encodeURIComponent(producer)}/${encodeURIComponent(id)}`,
        ),
      page: messagesPage,
      all: (query) => follow<Message, MessagesQuery>(messagesPage, query),
      async *pull(client, { after = 0, ...query } = {}) {
        let current = String(after);
        for (;;) {
          const page = await messagesPage({ ...query, client, after: current });
          const next = nextOf(page);
          yield* page.data;
          if (page.data.length === 0 || next === null) return;
          current = next;
        }
      },
    },
  };
}

/** An answer that refuses all has the outcomes too. */
async function sendOnce(
  transport: Transport,
  json: readonly NewEvent[],
  signal: AbortSignal | undefined,
): Promise<readonly EventOutcome[]> {
  try {
    const options = { json, signal, isAnswer: hasOutcomes };
    const answer = await transport.request<{ outcomes: EventOutcome[] }>(
      'POST',
      '/events',
      options,
    );
    return answer.outcomes;
  } catch (error) {
    const problem: unknown = error instanceof PulseApiError ? error.problem : undefined;
    if (!hasOutcomes(problem)) throw error;
    return problem.outcomes;
  }
}

/** False for the JSON of another server, which a wrong URL may lead to. */
function hasOutcomes(body: unknown): body is { readonly outcomes: readonly EventOutcome[] } {
  return (
    typeof body === 'object' && body !== null && 'outcomes' in body && Array.isArray(body.outcomes)
  );
}
