/** What is asked about one endpoint, and how it is changed. */
import { api, dataOf } from '../../api/client.ts';
import type { paths } from '../../api/schema.d.ts';
import { sessionSignal } from '../../api/session.ts';
import type { Endpoint } from './event-queries.ts';

export type EndpointBody =
  paths['/api/v1/endpoints/{id}']['put']['requestBody']['content']['application/json'];

export function putEndpoint(id: string, body: EndpointBody) {
  return dataOf(api.PUT('/api/v1/endpoints/{id}', { params: { path: { id } }, body }));
}

/** A PUT replaces the whole endpoint, so that it has to name what stays. */
function withStatus(endpoint: Endpoint, status: Endpoint['status']): EndpointBody {
  const { client, url, description, types, filter, fifo, rate_per_second } = endpoint;
  return {
    ...{ client, url, fifo, status },
    ...(description === null ? {} : { description }),
    ...(types === null ? {} : { types }),
    ...(filter === null ? {} : { filter }),
    ...(rate_per_second === null ? {} : { rate_per_second }),
  };
}

export interface Recovery {
  readonly failed: number;
  readonly missed: number;
  /** There is still more, from this instant on. */
  readonly next: string | null;
}

/** Requests of one recovery. The rest is for another one. */
const STEPS_MAX = 100;

/** Changes nothing else, also if somebody has changed the endpoint since this page asked. */
export async function changeStatus(id: string, status: Endpoint['status']): Promise<void> {
  const endpoint = await dataOf(api.GET('/api/v1/endpoints/{id}', { params: { path: { id } } }));
  await putEndpoint(id, withStatus(endpoint, status));
}

/** @throws Error The session has ended: the next caller must not go on with it. */
export async function recover(id: string, since: string, isDryRun: boolean): Promise<Recovery> {
  const signal = sessionSignal();
  let [failed, missed] = [0, 0];
  let next: string | null = since;
  for (let step = 0; next !== null && step < STEPS_MAX; step++) {
    signal.throwIfAborted();
    const from: string = next;
    const answer = await dataOf(
      api.POST('/api/v1/endpoints/{id}/recover', {
        params: { path: { id } },
        body: { since: from, dry_run: isDryRun },
      }),
    );
    failed += answer.failed_count;
    missed += answer.missed_count;
    next = answer.next;
  }
  return { failed, missed, next };
}
