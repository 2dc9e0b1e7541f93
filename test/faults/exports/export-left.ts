/** What a round of exports has left behind in Postgres and in the folder. */
import { createHash } from 'node:crypto';
import { readdir, readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { Value } from 'typebox/value';
import { Manifest } from '../../../src/exports/manifest.ts';
import { findDifferences, readFileFacts } from '../../../src/exports/verify-file.ts';

export interface StoredExport {
  readonly id: string;
  readonly report: string;
  readonly state: string;
  readonly fence: number;
  readonly asOf: string;
  readonly rowCount: number | null;
  readonly byteCount: number | null;
  readonly sha256: string | null;
  readonly failureCode: string | null;
  readonly failureDetail: string | null;
  /** Of a report of pulses: the rows that there were at `as_of`, counted anew. */
  readonly pulseCount: number | null;
}

export interface StoredReady {
  readonly client: string;
  readonly exportId: string;
  readonly sha256: string;
}

export interface ExportsLeft {
  readonly exports: readonly StoredExport[];
  /** Events `export.ready`. */
  readonly events: readonly StoredReady[];
  readonly files: readonly string[];
  /** Files that the sweep has removed. */
  readonly sweptCount: number;
  /** What the API gave, by export. */
  readonly downloads: ReadonlyMap<string, string>;
  readonly outboxCount: number;
  readonly waitingCount: number;
}

export async function readExportsLeft(admin: Pool) {
  const exports = await admin.query<StoredExport>(
    `SELECT id, report, state, fence, as_of::text AS "asOf", row_count::float8 AS "rowCount",
       byte_count::float8 AS "byteCount", sha256, failure_code AS "failureCode", failure_detail AS "failureDetail",
       CASE WHEN report = 'pulses' THEN
         (SELECT count(*) FROM pulses WHERE flush_batch_id IN (SELECT b.id FROM flush_batches b WHERE flushed_at <= as_of)
            AND (tenants IS NULL OR tenant = ANY(tenants))
            AND tenant = coalesce(parameters->>'tenant', tenant)
            AND use_unity = coalesce(parameters->>'use_unity', use_unity))::float8 END AS "pulseCount"
     FROM exports ORDER BY created_at`,
  );
  const events = await admin.query<StoredReady>(
    `SELECT client, data->>'export_id' AS "exportId", data->>'sha256' AS sha256
     FROM messages WHERE type = 'export.ready'`,
  );
  const jobs = await admin.query('SELECT FROM graphile_worker.jobs');
  return { exports: exports.rows, events: events.rows, outboxCount: jobs.rowCount ?? 0 };
}

/** Exports that have not ended; empty if there are none. */
export async function countOpen(admin: Pool): Promise<string> {
  const { rows } = await admin.query<{ open: number; jobs: number }>(
    `SELECT (SELECT count(*)::int FROM exports WHERE state IN ('queued', 'running')) AS open,
       (SELECT count(*)::int FROM graphile_worker.jobs) AS jobs`,
  );
  const { open = 0, jobs = 0 } = rows[0] ?? {};
  return open === 0 && jobs === 0 ? '' : `${open} exports, ${jobs} jobs`;
}

/** Those that somebody works on, with their fences. */
export async function readRunning(admin: Pool): Promise<ReadonlyMap<string, number>> {
  const sql = `SELECT id, fence FROM exports WHERE state = 'running'`;
  const { rows } = await admin.query<{ id: string; fence: number }>(sql);
  return new Map(rows.map(({ id, fence }) => [id, fence]));
}

/** How many of them somebody else has claimed since then. */
export async function countTakenOver(
  admin: Pool,
  running: ReadonlyMap<string, number>,
): Promise<number> {
  const { rows } = await admin.query<{ id: string; fence: number }>(
    'SELECT id, fence FROM exports WHERE id = ANY($1::uuid[])',
    [[...running.keys()]],
  );
  return rows.filter(({ id, fence }) => fence > (running.get(id) ?? fence)).length;
}

export async function countFailed(admin: Pool, code: string): Promise<number> {
  const { rowCount } = await admin.query('SELECT FROM exports WHERE failure_code = $1', [code]);
  return rowCount ?? 0;
}

/** Leases of half a minute end after this time, unless their exporters live and renew them every three seconds. */
const LEASE_MS = 5_000;
/** Retries become due after this time. */
const DUE_MS = 500;

export async function hasten(admin: Pool): Promise<void> {
  await admin.query(
    `UPDATE exports SET lease_until = clock_timestamp() + interval '${LEASE_MS} milliseconds'
     WHERE state = 'running' AND lease_until > clock_timestamp() + interval '${LEASE_MS} milliseconds'`,
  );
  await admin.query(
    `UPDATE exports SET not_before = clock_timestamp() + interval '${DUE_MS} milliseconds'
     WHERE state = 'queued' AND not_before > clock_timestamp() + interval '${DUE_MS} milliseconds'`,
  );
}

/** The files that the folder must have in the end. */
export async function readNeededFiles(admin: Pool): Promise<string[]> {
  const { rows } = await admin.query<{ name: string }>(
    `SELECT id || '.' || fence || '.' || format || CASE WHEN gzip THEN '.gz' ELSE '' END AS name
     FROM exports WHERE state = 'ready'`,
  );
  return rows.flatMap(({ name }) => [name, `${name}.manifest.json`]).sort();
}

/** Makes files look two minutes older: the sweep leaves young ones alone. */
export async function ageFiles(directory: string): Promise<void> {
  const then = new Date(Date.now() - 120_000);
  for (const name of await readdir(directory)) await utimes(join(directory, name), then, then);
}

/** What is wrong with a file. */
export async function checkFile(
  directory: string,
  name: string,
  { sha256, byteCount, rowCount }: StoredExport,
): Promise<string[]> {
  const path = join(directory, name);
  const bytes = await readFile(path);
  const text = await readFile(`${path}.manifest.json`, 'utf8');
  const manifest = Value.Parse(Manifest, JSON.parse(text));
  const found = findDifferences(manifest, await readFileFacts(path, manifest));
  if (createHash('sha256').update(bytes).digest('hex') !== sha256) found.push('another SHA-256');
  if (bytes.length !== byteCount) found.push(`${bytes.length} bytes, not ${byteCount}`);
  if (manifest.sha256 !== sha256 || manifest.rows !== rowCount) found.push('another manifest');
  return found;
}
