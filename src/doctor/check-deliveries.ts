/** What `pulse doctor` checks about webhooks: whether a sender serves the endpoints. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { count } from '../cli/wording.ts';
import {
  readUnservedEndpoints,
  type UnservedEndpoints,
} from '../delivery/unserved-endpoints-query.ts';
import { ok, warning } from './findings.ts';

/** A sender looks five times a second. */
const NOT_SERVED_SECONDS = 60;

/** Whether webhooks have waited for a while, and no sender has taken their endpoints. */
export function isSenderMissing({ oldestSeconds }: UnservedEndpoints): boolean {
  return oldestSeconds > NOT_SERVED_SECONDS;
}

export async function checkDeliveries(pool: Pool): Promise<Finding> {
  return judgeDeliveries(await readUnservedEndpoints(pool));
}

export function judgeDeliveries(unserved: UnservedEndpoints): Finding {
  const name = 'deliveries';
  const { endpointCount, oldestSeconds } = unserved;
  if (endpointCount === 0) return ok(name, 'no endpoint waits for a sender');
  const waits = `${count(endpointCount, 'endpoint')} without a sender`;
  const detail = `${waits}, the first webhook has waited for ${Math.round(oldestSeconds)} s`;
  return isSenderMissing(unserved)
    ? warning(
        name,
        `${detail}: start \`pulse sender\`, or more of them, or find out in its log why it sends nothing`,
      )
    : ok(name, detail);
}
