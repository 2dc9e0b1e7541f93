/** Calls about workflows. */
import { follow } from './paging.ts';
import { keyHeaders, type Transport } from './transport.ts';
import type {
  ConsumedWorkflow,
  NewWorkflow,
  Workflow,
  WorkflowCsvOptions,
  WorkflowsPage,
  WorkflowsQuery,
  WorkflowStatus,
} from './workflows-types.ts';

export interface WorkflowsCalls {
  readonly workflows: {
    /** @param options.idempotencyKey Makes the request safe to repeat for a day. */
    insert(
      workflow: NewWorkflow,
      options?: { readonly idempotencyKey?: string },
    ): Promise<Workflow>;
    get(uuid: string): Promise<Workflow>;
    /** One page, newest first. */
    page(query?: WorkflowsQuery): Promise<WorkflowsPage>;
    /** All of them, page after page, newest first. */
    all(query?: WorkflowsQuery): AsyncIterableIterator<Workflow>;
    /** `inserted` puts it back into the queue; `consumed` takes it out. */
    setStatus(uuid: string, status: WorkflowStatus): Promise<Workflow>;
    /**
     * Consumes the next workflow of the queue. After a PulseConnectionError one may be consumed all the same: `page`
     * with `status: 'consumed'` lists it, and `csv` returns its file.
     *
     * @returns Undefined when the queue is empty.
     */
    consume(options?: WorkflowCsvOptions): Promise<ConsumedWorkflow | undefined>;
    /** The CSV of one that is consumed. */
    csv(uuid: string, options?: WorkflowCsvOptions): Promise<string>;
  };
}

export function createWorkflowsCalls(transport: Transport): WorkflowsCalls {
  const pathOf = (uuid: string) => `/workflow/${encodeURIComponent(uuid)}`;
  const page = (query: WorkflowsQuery = {}) =>
    transport.request<WorkflowsPage>('GET', '/workflow', { query: { ...query } });
  return {
    workflows: {
      insert: (json, { idempotencyKey } = {}) =>
        transport.request('POST', '/workflow', {
          json,
          headers: keyHeaders(idempotencyKey),
        }),
      get: (uuid) => transport.request('GET', pathOf(uuid)),
      page,
      all: (query) => follow(page, query),
      setStatus: (uuid, status) => transport.request('PATCH', pathOf(uuid), { json: { status } }),
      async consume(options = {}) {
        const query = { ...options };
        const { status, headers, text } = await transport.requestText('/workflow/consume', {
          query,
        });
        if (status === 204) return undefined;
        const [, uuid = ''] =
          /\/workflow\/([^/]+)\/csv$/.exec(headers.get('content-location') ?? '') ?? [];
        return { uuid, csv: text };
      },
      async csv(uuid, options = {}) {
        const { text } = await transport.requestText(`${pathOf(uuid)}/csv`, {
          query: { ...options },
        });
        return text;
      },
    },
  };
}
