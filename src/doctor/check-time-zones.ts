/** What `pulse doctor` says about the two sets of time zone data: Postgres', which cuts usage, and Node's. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import { ok, warning } from './findings.ts';

const DAY_MS = 86_400_000;
/** A year of days: those that usage is asked about. What governments plan beyond is in nobody's sums yet. */
const DAYS = 366;

/** A zone's offsets from UTC: the first, and each that differs from that of the day before. */
export type OffsetChange = readonly [dayIndex: number, offsetSeconds: number];

/** @returns undefined when the zone is unknown. */
type ReadOffsets = (zone: string, daysMs: readonly number[]) => OffsetChange[] | undefined;

/** Compares the zones that both know, day by day through the past year. */
export async function checkTimeZones(
  pool: Pool,
  readHere: ReadOffsets = readNodeOffsets,
): Promise<Finding> {
  const todayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const daysMs = Array.from({ length: DAYS }, (_, index) => todayMs - (DAYS - 1 - index) * DAY_MS);
  const differing: string[] = [];
  for (const [zone, theirs] of await readPostgresOffsets(pool, daysMs)) {
    const ours = readHere(zone, daysMs);
    const index = ours === undefined ? undefined : firstDifference(ours, theirs);
    if (index === undefined) continue;
    const day = new Date(daysMs[index] ?? todayMs).toISOString().slice(0, 10);
    differing.push(`${zone} (from ${day})`);
  }
  return judgeTimeZones(differing.sort());
}

/** @param differing Each zone with the first day about which the two differ. */
export function judgeTimeZones(differing: readonly string[]): Finding {
  const name = 'time zones';
  const [first, ...others] = differing;
  if (first === undefined) return ok(name, "Postgres and Node agree about the past year's clocks");
  const zones = others.length === 0 ? first : `${first} and ${others.length} more`;
  return warning(
    name,
    `Postgres and Node (time zone data ${process.versions.tz}) differ about ${zones}: days and months of usage ` +
      'end where Postgres says. Update the older of the two if you bill by such a zone',
  );
}

async function readPostgresOffsets(
  pool: Pool,
  daysMs: readonly number[],
): Promise<Map<string, OffsetChange[]>> {
  const { rows } = await pool.query<{ name: string; day: number; seconds: number }>(
    `SELECT name, day::integer, seconds
     FROM (
       SELECT name, day, seconds, lag(seconds) OVER (PARTITION BY name ORDER BY day) AS seconds_before
       FROM pg_timezone_names
         CROSS JOIN unnest($1::timestamptz[]) WITH ORDINALITY AS days (at, day)
         CROSS JOIN LATERAL (
           SELECT extract(epoch FROM (at AT TIME ZONE name) - (at AT TIME ZONE 'UTC'))::integer AS seconds
         ) AS offsets
       WHERE name ~ '^[A-Z][A-Za-z]+/'
     ) AS each_day
     WHERE seconds IS DISTINCT FROM seconds_before
     ORDER BY name, day`,
    [daysMs.map((ms) => new Date(ms))],
  );
  const zones = new Map<string, OffsetChange[]>();
  for (const { name, day, seconds } of rows) {
    const changes = zones.get(name) ?? [];
    // Postgres counts from 1.
    changes.push([day - 1, seconds]);
    zones.set(name, changes);
  }
  return zones;
}

/** Node tells an offset as text only, such as `11/28/2026, GMT+05:30`; for UTC itself `GMT`. */
export function readNodeOffsets(
  zone: string,
  daysMs: readonly number[],
): OffsetChange[] | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch {
    return undefined;
  }
  const changes: OffsetChange[] = [];
  let textBefore = '';
  for (const [index, ms] of daysMs.entries()) {
    const [, text = ''] = format.format(ms).split('GMT');
    if (index > 0 && text === textBefore) continue;
    changes.push([index, toSeconds(text)]);
    textBefore = text;
  }
  return changes;
}

function toSeconds(text: string): number {
  const [, sign, hours, minutes, seconds] =
    /^([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(text.replace('−', '-')) ?? [];
  const size = Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  return sign === '-' ? -size : size;
}

/** The index of the first day on which the offsets differ; undefined if none. */
function firstDifference(
  ours: readonly OffsetChange[],
  theirs: readonly OffsetChange[],
): number | undefined {
  for (let place = 0; place < Math.max(ours.length, theirs.length); place++) {
    const [our, their] = [ours[place], theirs[place]];
    if (our?.[0] === their?.[0] && our?.[1] === their?.[1]) continue;
    return Math.min(our?.[0] ?? DAYS, their?.[0] ?? DAYS);
  }
  return undefined;
}
