/** Tells the customer whose export is ready, where the answer is about the tenant of one customer. */
import type { PoolClient } from 'pg';
import { findCustomerOfTenant } from '../catalog/catalog.ts';
import { includesTenant } from '../core/tenant-scope.ts';
import { announcedEvent } from '../events/events-queues.ts';
import { NO_ORIGIN, toPublication } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { scopeOf, type Export } from './exports.ts';

/** Writes the announcement into the outbox, in the caller's transaction. */
export async function announceReady(
  client: PoolClient,
  prefix: string,
  ready: Export,
): Promise<void> {
  const tenant = onlyTenantOf(ready);
  if (tenant === undefined) return;
  const customer = await findCustomerOfTenant(client, tenant);
  if (customer === undefined) return;
  const data = {
    export_id: ready.id,
    report: ready.report,
    as_of: ready.asOf.toISOString(),
    rows: ready.rowCount,
    bytes: ready.byteCount,
    sha256: ready.sha256,
    expires_at: ready.expiresAt?.toISOString(),
  };
  const event = announcedEvent(prefix, 'export.ready', { client: customer, data });
  await writeToOutbox(client, toPublication(event, NO_ORIGIN, Date.now()));
}

/** The tenant that the question names, if its caller may see it, or the only one that its caller may see. */
function onlyTenantOf({ parameters, tenants }: Export): string | undefined {
  const { tenant } = parameters as { readonly tenant?: string | readonly string[] };
  const named = typeof tenant === 'string' ? [tenant] : (tenant ?? tenants ?? []);
  const [only] = named;
  if (only === undefined || named.length > 1) return undefined;
  return includesTenant(scopeOf({ tenants }), only) ? only : undefined;
}
