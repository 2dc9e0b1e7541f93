/** What `pulse doctor` checks about subscriptions: whether their changes come into effect when they are due. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { readDueSeconds } from '../subscriptions/subscriptions-query.ts';
import { ok, warning } from './findings.ts';

/** A processor needs a second, and a few more for many changes of the same midnight. */
export const CHANGES_LATE_SECONDS = 60;

export async function checkDueChanges(pool: Pool): Promise<Finding> {
  return judgeDueChanges(await readDueSeconds(pool));
}

/** @param dueSeconds For how long a change has been due. */
export function judgeDueChanges(dueSeconds: number): Finding {
  const name = 'subscriptions';
  if (dueSeconds <= CHANGES_LATE_SECONDS) return ok(name, 'no change is overdue');
  return warning(
    name,
    `a change has been due for ${Math.round(dueSeconds)} s and is not in effect: ` +
      'start `pulse processor`, or find out in its log why it changes nothing',
  );
}
