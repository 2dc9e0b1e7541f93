/** How much of what admission holds in memory a customer has. Counts at the same moment may both find the last room. */
import type { ClientBase } from 'pg';

type Queryable = Pick<ClientBase, 'query'>;

interface CountOptions {
  readonly userId: string;
  /** Counts no further. */
  readonly limit: number;
}

/** A pulse may be so old by default: what ended before that admits none. */
export const ADMITTING_DAYS = 35;

/**
 * Counts the subscriptions of a customer that may admit pulses: all but those canceled more than 35 days ago.
 *
 * @param options.besides A subscription that is left out.
 */
export async function countSubscriptions(
  client: Queryable,
  { userId, besides, limit }: CountOptions & { readonly besides: string },
): Promise<number> {
  const { rows } = await client.query<{ found: number }>(
    `SELECT count(*)::integer AS found FROM (
       SELECT FROM subscriptions
       WHERE user_id = $1 AND id <> $2 AND (status <> 'canceled' OR due_at IS NOT NULL
         OR updated_at >= clock_timestamp() - $3 * interval '1 day')
       LIMIT $4) admitting`,
    [userId, besides, ADMITTING_DAYS, limit],
  );
  return rows[0]?.found ?? 0;
}

/**
 * Counts the changes of a customer's subscriptions that were made within 35 days, withdrawn ones too, or take effect
 * then or later.
 */
export async function countRecentChanges(
  client: Queryable,
  { userId, limit }: CountOptions,
): Promise<number> {
  const { rows } = await client.query<{ found: number }>(
    `SELECT count(*)::integer AS found FROM (
       SELECT FROM subscription_changes change, (SELECT statement_timestamp() - $2 * interval '1 day' AS since) recently
       WHERE user_id = $1 AND greatest(changed_at, effective_at) >= since
         AND (changed_at >= since OR NOT EXISTS (
           SELECT FROM subscription_withdrawals withdrawal
           WHERE withdrawal.subscription_id = change.subscription_id AND withdrawal.number = change.number))
       LIMIT $3) recent`,
    [userId, ADMITTING_DAYS, limit],
  );
  return rows[0]?.found ?? 0;
}
