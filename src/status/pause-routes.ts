/** PUT /ingest/pause: what `pulse pause` and `pulse resume` do. */
import type { Api } from '../http/api-module.ts';
import { actorNameOf, OPERATORS } from '../http/caller.ts';
import { invalidField } from '../http/problems.ts';
import { readPauseState, recordPause } from '../ingest/pauses-query.ts';
import { type ScopedPool, workAsOwner } from '../platform/scoped-postgres.ts';
import { putPauseSchema } from './pause-schema.ts';

export function addPauseRoute(api: Api, { pool }: { readonly pool: ScopedPool }): void {
  // Pausing stops the counting of every tenant.
  const config = { roles: OPERATORS, allTenants: true } as const;
  api.put('/ingest/pause', { schema: putPauseSchema, config }, async ({ body, user }) => {
    const { paused, note } = body;
    if (paused && (note ?? '').trim() === '') throw invalidField('note', 'must say why');
    const action = paused ? 'paused' : 'resumed';
    const { since, ...state } = await workAsOwner(pool, user.tenants, async (client) => {
      await recordPause(client, { action, actor: actorNameOf(user), note });
      return readPauseState(client);
    });
    return { ...state, since: since?.toISOString() ?? null };
  });
}
