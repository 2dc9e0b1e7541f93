/**
 * The SQL on tables dead_letters, dead_letter_originals and dead_letter_actions, except the steps of a replay
 * (replay-query.ts).
 */
import type { Pool } from 'pg';
import type { DeadLetterReason } from '../contract/rejection.ts';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { pageOfTenants } from '../platform/page-of-tenants.ts';
import { onlyRow } from '../platform/postgres.ts';
import type { DeadLetter } from './dead-letter.ts';
import { pulseIdOf, type NamesInBody, type PulseOrigin } from './names-in-body.ts';
import {
  ACTIONS_MAX,
  MAYBE_COUNTED_REASONS,
  SHOWN_BYTES_MAX,
  type Actor,
  type DeadLetterAction,
  type DeadLetterDetail,
  type DeadLetterFilters,
  type DeadLetterPage,
  type DeadLetterRow,
  type DeadLetterState,
} from './quarantine.ts';

type Queryable = Pick<Pool, 'query'>;

/** The members that are inserted, in the order of the parameters. */
const COLUMNS = [
  'id',
  'reason',
  'detail',
  'body',
  'headersJson',
  'messageId',
  'pulseIndex',
  'exchange',
  'routingKey',
  'redelivered',
  'tenant',
  'replayId',
  'queue',
  'pulseId',
] as const;

/**
 * Inserts in one statement. Existing rows stay as they are, with one exception: a replayed dead letter that is
 * refused again is reopened, and that action is recorded with it.
 *
 * | replay id of the dead letter | row | result |
 * |---|---|---|
 * | the newest replay of the row | | the row is reopened |
 * | an earlier replay, or the same one a second time | | nothing: the row exists |
 * | none, id known | replayed, body never fixed | the row is reopened |
 * | none, id known | anything else | nothing |
 * | none, id unknown | | inserted |
 *
 * A replay id counts only with exactly the bytes that were replayed: an element of a replayed array, or a
 * copied header, makes a new dead letter. So does a replay id whose row has been deleted.
 *
 * @returns The reasons of the rows that were inserted or reopened.
 */
export async function insertDeadLetters(
  pool: Queryable,
  deadLetters: readonly DeadLetter[],
): Promise<DeadLetterReason[]> {
  const columns = COLUMNS.map((name) => deadLetters.map((deadLetter) => deadLetter[name]));
  const { rows } = await pool.query<{ reason: DeadLetterReason }>(
    `WITH given AS MATERIALIZED (
       SELECT given.*, started.dead_letter_id AS replay_of, started.at AS replayed_at
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::integer[],
                   $8::text[], $9::text[], $10::boolean[], $11::text[], $12::uuid[], $13::text[], $14::text[])
         AS given(id, reason, detail, body, headers, message_id, pulse_index,
                  exchange, routing_key, redelivered, tenant, replay_id, queue, pulse_id)
       LEFT JOIN dead_letter_actions started ON started.id = given.replay_id
         AND started.action = 'replay_started' AND started.body_sha256 = sha256(given.body)
         AND EXISTS (SELECT FROM dead_letters WHERE id = started.dead_letter_id)
     ), reopened AS (
       UPDATE dead_letters d
       SET state = 'quarantined', reason = given.reason, detail = given.detail, replay_id = NULL,
           maybe_counted_since = CASE
             WHEN d.queue IS NOT NULL THEN NULL
             WHEN given.reason = ANY($15::text[]) THEN coalesce(d.maybe_counted_since, now())
             -- Refused, so not counted; but an earlier replay, whose outcome is unknown, may have been.
             WHEN d.maybe_counted_since = given.replayed_at THEN NULL
             ELSE d.maybe_counted_since END
       FROM given
       WHERE d.id = coalesce(given.replay_of, given.id)
         AND CASE WHEN given.replay_of IS NULL THEN d.state = 'replayed' AND d.fixed_body IS NULL
                  ELSE d.replay_id = given.replay_id END
       RETURNING d.id, d.reason, d.detail
     ), noted AS (
       INSERT INTO dead_letter_actions (id, dead_letter_id, action, via, note)
       SELECT gen_random_uuid(), id, 'reopened', 'quarantine', 'Refused again: ' || reason || '. ' || detail
       FROM reopened
     ), inserted AS (
       INSERT INTO dead_letters (id, reason, detail, body, headers, message_id, pulse_index, exchange,
                                 routing_key, redelivered, tenant, queue, pulse_id, maybe_counted_since)
       SELECT id, reason, detail, body, headers::jsonb, message_id, pulse_index, exchange,
              routing_key, redelivered, tenant, queue, pulse_id,
              CASE WHEN reason = ANY($15::text[]) AND queue IS NULL THEN now() END
       FROM given WHERE replay_of IS NULL
       ON CONFLICT (id) DO NOTHING
       RETURNING reason
     )
     SELECT reason FROM inserted UNION ALL SELECT reason FROM reopened`,
    [...columns, MAYBE_COUNTED_REASONS],
  );
  return rows.map(({ reason }) => reason);
}

/** Counts the dead letters that match, in total and by reason; reasons without any are left out. */
export async function countDeadLettersByReason(
  pool: Queryable,
  filters: DeadLetterFilters = {},
): Promise<{ total: number; byReason: Partial<Record<DeadLetterReason, number>> }> {
  const where = whereClause(filters);
  const { rows } = await pool.query<{ reason: DeadLetterReason; count: string }>(
    `SELECT reason, count(*) AS count FROM dead_letters ${where.text} GROUP BY reason ORDER BY reason`,
    where.values,
  );
  const byReason = Object.fromEntries(rows.map(({ reason, count }) => [reason, Number(count)]));
  return { total: rows.reduce((sum, { count }) => sum + Number(count), 0), byReason };
}

const ROW = `
  id, state, reason, detail, tenant, pulse_id AS "pulseId", message_id AS "messageId", queue,
  pulse_index AS "pulseIndex", exchange, routing_key AS "routingKey", redelivered, received_at AS "receivedAt",
  octet_length(coalesce(fixed_body, body)) AS "bodyBytes", fixed_body IS NOT NULL AS "isFixed",
  (extract(epoch FROM received_at) * 1000000)::bigint || '.' || id AS cursor`;

/** Reads one page. Each page begins where the previous one ended, so new rows do not shift it. */
export async function listDeadLetters(
  pool: Queryable,
  { limit, after, order = 'newest', ...filters }: DeadLetterPage & DeadLetterFilters,
): Promise<DeadLetterRow[]> {
  const direction = order === 'newest' ? 'DESC' : 'ASC';
  const place: Conditions = [[order === 'newest' ? BEFORE : AFTER, after]];
  const { values } = whereClause(filters, place);
  const last = `$${values.length + 1}`;
  const tenants = tenantsOf(filters.scope ?? 'all');
  const pageOf = (ofTenants: string, first: string) => `
    SELECT ${ROW} FROM dead_letters ${whereClause(filters, place, ofTenants).text}
    ORDER BY ${first} received_at ${direction}, id ${direction} LIMIT ${last}`;
  const shown = `"receivedAt" ${direction}, id ${direction}`;
  const page =
    tenants === undefined
      ? pageOf(OF_TENANTS, '')
      : pageOfTenants(tenants, { order: shown, limit: last, pageOf, direction });
  const { rows } = await pool.query<DeadLetterRow>(page, [...values, limit]);
  return rows;
}

/** Actions of one dead letter that are shown. */
const SHOWN_ACTIONS_MAX = 500;

/** SQL for whether a dead letter may have more actions. @param id SQL for its id, such as a parameter. */
export function hasRoom(id: string): string {
  return `(SELECT count(*) FROM dead_letter_actions WHERE dead_letter_id = ${id}) < ${ACTIONS_MAX}`;
}

/** Of bodies that the caller may not see, a hash is hidden too: a pulse is so short that it can be guessed. */
const shownHash = (column: string): string =>
  `CASE WHEN $3 OR ${column} = (SELECT sha256(coalesce(fixed_body, body)) FROM dead_letters WHERE id = $1)
     THEN encode(${column}, 'hex') END`;

/** The original body is only in the answer if the scope has the tenant that it was sent for, too. */
export async function findDeadLetter(
  pool: Queryable,
  id: string,
  scope: TenantScope = 'all',
): Promise<DeadLetterDetail | undefined> {
  const { rows } = await pool.query<Omit<DeadLetterDetail, 'actions'>>(
    `SELECT ${ROW}, headers AS properties, maybe_counted_since AS "maybeCountedSince",
            substring(coalesce(fixed_body, body) FROM 1 FOR $2) AS body,
            substring(original_body FROM 1 FOR $2) AS "originalBody", original_tenant AS "originalTenant"
     FROM dead_letters
     LEFT JOIN dead_letter_originals AS original (original_id, original_tenant, original_body)
       ON original_id = id AND ($3::text[] IS NULL OR original_tenant = ANY($3))
     WHERE id = $1 AND ($3::text[] IS NULL OR tenant = ANY($3))`,
    [id, SHOWN_BYTES_MAX, tenantsOf(scope) ?? null],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const actions = await pool.query<DeadLetterAction>(
    `SELECT action, actor, via, at, note, ${shownHash('body_sha256_before')} AS "bodySha256Before",
            ${shownHash('body_sha256')} AS "bodySha256"
     FROM dead_letter_actions WHERE dead_letter_id = $1 ORDER BY at DESC LIMIT $2`,
    [id, SHOWN_ACTIONS_MAX, scope === 'all' || !row.isFixed || row.originalBody !== null],
  );
  return { ...row, actions: actions.rows.reverse() };
}

/** Undefined: there is none in the scope. */
export async function findDeadLetterState(
  pool: Queryable,
  id: string,
  scope: TenantScope,
): Promise<DeadLetterState | undefined> {
  const { rows } = await pool.query<{ state: DeadLetterState }>(
    'SELECT state FROM dead_letters WHERE id = $1 AND ($2::text[] IS NULL OR tenant = ANY($2))',
    [id, tenantsOf(scope) ?? null],
  );
  return rows[0]?.state;
}

/** Replaces the body of a quarantined dead letter; a trigger keeps the original. @returns Whether there was one, with room for it. */
export async function fixDeadLetter(
  pool: Queryable,
  id: string,
  fix: Omit<NamesInBody, 'pulseCount'> & { body: Buffer; note: string | null; actor: Actor },
): Promise<boolean> {
  // These never change.
  const { rows } = await pool.query<PulseOrigin>(
    'SELECT message_id AS "messageId", pulse_index AS "pulseIndex" FROM dead_letters WHERE id = $1 AND queue IS NULL',
    [id],
  );
  const pulseId = rows[0] === undefined ? null : pulseIdOf(fix.ownId, rows[0]);
  const { rowCount } = await pool.query(
    `WITH before AS (
       SELECT id, sha256(coalesce(fixed_body, body)) AS hash FROM dead_letters
       WHERE id = $1 AND state = 'quarantined' AND ($7::text[] IS NULL OR tenant = ANY($7)) AND ${hasRoom('$1')}
       FOR UPDATE
     ), fixed AS (
       UPDATE dead_letters d SET fixed_body = $2, tenant = $3, pulse_id = $8, replay_id = NULL
       FROM before WHERE d.id = before.id RETURNING d.id, before.hash
     )
     INSERT INTO dead_letter_actions
       (id, dead_letter_id, action, actor, via, note, body_sha256_before, body_sha256)
     SELECT gen_random_uuid(), id, 'fixed', $4, $5, $6, hash, sha256($2) FROM fixed`,
    [
      id,
      fix.body,
      fix.tenant,
      fix.actor.name,
      fix.actor.via,
      fix.note,
      tenantsOf(fix.actor.scope) ?? null,
      pulseId,
    ],
  );
  return rowCount === 1;
}

/** Discards at most `limit` quarantined dead letters that match, oldest first. @returns How many. */
export async function discardDeadLetters(
  pool: Queryable,
  filters: Omit<DeadLetterFilters, 'state'>,
  { limit, note, actor }: { limit: number; note: string; actor: Actor },
): Promise<number> {
  const where = whereClause({ ...filters, scope: actor.scope, state: 'quarantined' });
  const next = where.values.length + 1;
  const { rowCount } = await pool.query(
    `WITH chosen AS (
       SELECT id FROM dead_letters ${where.text} ORDER BY received_at, id LIMIT $${next} FOR UPDATE
     ), discarded AS (
       UPDATE dead_letters d SET state = 'discarded', replay_id = NULL
       FROM chosen WHERE d.id = chosen.id RETURNING d.id
     )
     INSERT INTO dead_letter_actions (id, dead_letter_id, action, actor, via, note)
     SELECT gen_random_uuid(), id, 'discarded', $${next + 1}, $${next + 2}, $${next + 3} FROM discarded`,
    [...where.values, limit, actor.name, actor.via, note],
  );
  return rowCount ?? 0;
}

/** The database's clock, which sets `received_at`, in milliseconds. */
export async function readClock(pool: Queryable): Promise<number> {
  const { rows } = await pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return onlyRow(rows).now.getTime();
}

/** Always the first condition, so the tenants are `$1`. There is none for all tenants. */
const OF_TENANTS = 'tenant = ANY($1::text[])';
type Conditions = readonly (readonly [condition: string, value: unknown])[];
const PLACE = `(timestamptz 'epoch' + split_part(?, '.', 1)::bigint * interval '1 microsecond', split_part(?, '.', 2)::uuid)`;
const BEFORE = `(received_at, id) < ${PLACE}`;
const AFTER = `(received_at, id) > ${PLACE}`;

function whereClause(filters: DeadLetterFilters, more: Conditions = [], ofTenants = OF_TENANTS) {
  const instant = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms));
  const conditions: Conditions = [
    [ofTenants, tenantsOf(filters.scope ?? 'all')],
    ['id = ANY(?::uuid[])', filters.ids],
    ['state = ?', filters.state],
    ['reason = ?', filters.reason],
    ['tenant = ?', filters.tenant],
    ['pulse_id = ?', filters.pulseId],
    ['message_id = ?', filters.messageId],
    ['queue = ?', filters.queue],
    ['received_at >= ?', instant(filters.fromMs)],
    ['received_at < ?', instant(filters.toMs)],
    ...more,
  ];
  const given = conditions.filter(([, value]) => value !== undefined);
  const texts = given.map(([text], index) => text.replaceAll('?', `$${index + 1}`));
  return {
    text: texts.length === 0 ? '' : `WHERE ${texts.join(' AND ')}`,
    values: given.map(([, value]) => value),
  };
}
