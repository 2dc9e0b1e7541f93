/** What `pulse doctor` checks about processors: whether one does what no message asks it to do. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { readUnannouncedSeconds } from '../events/flushed-hours-query.ts';
import { readDueSeconds } from '../subscriptions/subscriptions-query.ts';
import { ok, warning } from './findings.ts';

/** A processor needs two seconds, and a few more for what many customers have at the same midnight. */
export const PROCESSOR_LATE_SECONDS = 60;
/** After a flush of very many customers, a processor announces some 5,000 hours a second. */
export const ANNOUNCED_LATE_SECONDS = 900;
const ADVICE = 'start `pulse processor`, or find out in its log why it does not do it';

export async function checkDueChanges(pool: Pool): Promise<Finding> {
  const seconds = await readDueSeconds(pool);
  const name = 'subscriptions';
  if (seconds <= PROCESSOR_LATE_SECONDS) return ok(name, 'no change is overdue');
  const late = `a change has been due for ${Math.round(seconds)} s and is not in effect`;
  return warning(name, `${late}: ${ADVICE}`);
}

export async function checkFlushedHours(pool: Pool): Promise<Finding> {
  const seconds = await readUnannouncedSeconds(pool);
  const name = 'flushed hours';
  if (seconds <= ANNOUNCED_LATE_SECONDS) return ok(name, 'none is late to be announced');
  const late = `usage that was flushed ${Math.round(seconds)} s ago is not announced to its customer`;
  return warning(name, `${late}: ${ADVICE}`);
}
