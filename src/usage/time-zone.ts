/** The names of time zones: Postgres cuts days and months, and may not know every name that a browser sends. */
import type { Pool } from 'pg';
import { codeOf } from '../core/errors.ts';
import { RENAMED_ZONES } from '../core/zone-names.ts';
import type { Connections } from '../platform/scoped-postgres.ts';

/** SQLSTATE invalid_parameter_value. */
const UNKNOWN_TIME_ZONE = '22023';

/** Names in another case are names too, so there are more than zones. */
const REMEMBERED_MAX = 1_000;

/** What each name is to the database of a pool. A restart forgets it, as an update of the database needs one. */
const remembered = new WeakMap<object, Map<string, string | null>>();

/**
 * Finds a name of a zone that the database knows: the given one, or another name of the same zone.
 *
 * @param tz A zone that Node knows.
 * @returns Undefined when the database knows none.
 */
export async function findTimeZone(
  pool: Pick<Pool, 'query'> & Partial<Pick<Connections, 'of'>>,
  tz: string,
): Promise<string | undefined> {
  if (tz === 'UTC') return tz;
  const names = remembered.get(pool.of ?? pool) ?? new Map<string, string | null>();
  remembered.set(pool.of ?? pool, names);
  const known = names.get(tz);
  if (known !== undefined) return known ?? undefined;
  let found: string | undefined;
  for (const name of namesOf(tz)) {
    if (found === undefined && (await isKnown(pool, name))) found = name;
  }
  if (names.size < REMEMBERED_MAX) names.set(tz, found ?? null);
  return found;
}

/** The given name first. */
function namesOf(tz: string): ReadonlySet<string> {
  const resolved = new Intl.DateTimeFormat('en', { timeZone: tz }).resolvedOptions().timeZone;
  return new Set([
    tz,
    resolved,
    RENAMED_ZONES[tz] ?? resolved,
    RENAMED_ZONES[resolved] ?? resolved,
  ]);
}

async function isKnown(pool: Pick<Pool, 'query'>, name: string): Promise<boolean> {
  try {
    await pool.query('SELECT now() AT TIME ZONE $1', [name]);
    return true;
  } catch (error) {
    if (codeOf(error) === UNKNOWN_TIME_ZONE) return false;
    throw error;
  }
}
