/** What the pages of dead letters ask the API. */
import { useQuery } from '@tanstack/react-query';
import { api, ApiProblem, dataOf } from '../../api/client.ts';
import { queries } from '../../api/queries.ts';
import type { components } from '../../api/schema.d.ts';
import { sessionSignal } from '../../api/session.ts';
import { noteSum } from './replay-sum.ts';

export type DeadLetter = components['schemas']['DeadLetter'];
export type DeadLetterRow = components['schemas']['DeadLetterRow'];

/** The filters that bulk actions take, too. */
export interface Filters {
  readonly reason?: DeadLetterRow['reason'];
  readonly tenant?: string;
  readonly queue?: string;
  readonly pulse_id?: string;
  readonly message_id?: string;
  readonly from?: string;
  readonly to?: string;
}

export const FILTER_NAMES = [
  'reason',
  'tenant',
  'queue',
  'pulse_id',
  'message_id',
  'from',
  'to',
] as const;

export function filtersOf(parameters: URLSearchParams): Filters {
  const given = FILTER_NAMES.map((name) => [name, parameters.get(name)] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== null));
}

/** Such as `reason invalid_tenant, tenant acme`. */
export function filterWords(filters: Filters): string {
  return Object.entries(filters)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ');
}

const KEY = 'dead-letters';

export function listKey(filters: Filters, state: string): readonly unknown[] {
  return [KEY, 'list', filters, state];
}

export function readList(
  filters: Filters,
  state: string,
  { after, signal }: { readonly after: string | undefined; readonly signal: AbortSignal },
) {
  const query = {
    ...filters,
    ...(state === 'any' ? {} : { state: state as DeadLetterRow['state'] }),
    ...(after === undefined ? {} : { after }),
    limit: 100,
  };
  return dataOf(api.GET('/api/v1/dead-letters', { params: { query }, signal }));
}

/** A replayed one that is refused again comes back within moments, so the page goes on asking for a while. */
export const WATCHED_MS = 30_000;
const WATCH_MS = 1_000;

export function useDeadLetter(id: string) {
  return useQuery({
    queryKey: [KEY, 'one', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/dead-letters/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state: { data } }) => {
      const last = Date.parse(data?.actions.at(-1)?.at ?? '');
      return Date.now() - last < WATCHED_MS ? WATCH_MS : false;
    },
  });
}

export function refreshDeadLetters(): void {
  void queries.invalidateQueries({ queryKey: [KEY] });
}

/** @throws ApiProblem Somebody has fixed, replayed or discarded it since the page read it. */
async function assertAsShown({ id, body, state }: DeadLetter): Promise<void> {
  const now = await dataOf(api.GET('/api/v1/dead-letters/{id}', { params: { path: { id } } }));
  if (now.state === state && JSON.stringify(now.body) === JSON.stringify(body)) return;
  refreshDeadLetters();
  const detail =
    'Somebody has fixed, replayed or discarded it. Nothing was done: look at it again.';
  throw new ApiProblem(409, 'It has changed meanwhile', detail);
}

/** @param shown As the caller saw it: a fix that somebody else saves meanwhile is not overwritten. */
export async function saveFix(shown: DeadLetter, body: DeadLetter['body'], note: string) {
  await assertAsShown(shown);
  const { id } = shown;
  const given = { ...body, ...(note === '' ? {} : { note }) };
  return dataOf(
    api.PUT('/api/v1/dead-letters/{id}/body', { params: { path: { id } }, body: given }),
  );
}

/** @param shown As the caller saw it: nothing else is sent. @returns What happened, as a sentence. */
export async function replay(shown: DeadLetter, evenIfForgotten: boolean): Promise<string> {
  await assertAsShown(shown);
  await noteSum(shown, shown.body);
  return send(shown.id, evenIfForgotten);
}

async function send(id: string, evenIfForgotten: boolean): Promise<string> {
  const { outcome } = await dataOf(
    api.POST('/api/v1/dead-letters/{id}/replay', {
      params: { path: { id } },
      body: { even_if_forgotten: evenIfForgotten },
    }),
  );
  return outcome === 'replayed'
    ? 'Sent.'
    : 'It was sent, and has been refused again or changed by somebody else meanwhile.';
}

/** @returns What happened, as a sentence. */
export async function fixAndReplay(
  shown: DeadLetter,
  body: DeadLetter['body'],
  { note, evenIfForgotten }: { readonly note: string; readonly evenIfForgotten: boolean },
): Promise<string> {
  const session = sessionSignal();
  await saveFix(shown, body, note);
  await noteSum(shown, body);
  // Whoever logs in meanwhile has not asked for it.
  session.throwIfAborted();
  return send(shown.id, evenIfForgotten);
}

export async function discard(id: string, note: string): Promise<string> {
  await dataOf(
    api.POST('/api/v1/dead-letters/{id}/discard', { params: { path: { id } }, body: { note } }),
  );
  return 'Discarded. It can still be replayed.';
}
