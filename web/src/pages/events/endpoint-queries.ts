/** What is asked about one endpoint, and how it is changed. */
import { api, dataOf } from '../../api/client.ts';
import type { paths } from '../../api/schema.d.ts';
import type { Endpoint } from './event-queries.ts';

export type EndpointBody =
  paths['/api/v1/endpoints/{id}']['put']['requestBody']['content']['application/json'];

export function putEndpoint(id: string, body: EndpointBody) {
  return dataOf(api.PUT('/api/v1/endpoints/{id}', { params: { path: { id } }, body }));
}

/** A PUT replaces the whole endpoint, so that it has to name what stays. */
export function withStatus(endpoint: Endpoint, status: Endpoint['status']): EndpointBody {
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

export async function recover(id: string, since: string, isDryRun: boolean): Promise<Recovery> {
  let [failed, missed] = [0, 0];
  let next: string | null = since;
  for (let step = 0; next !== null && step < STEPS_MAX; step++) {
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
