/** Exports on a real Postgres and a real folder. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool, PoolClient } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { REPORTS } from '../../src/commands/reports.ts';
import type { TenantScope } from '../../src/core/tenant-scope.ts';
import { startExporter, type ExportOutcome, type Exporter } from '../../src/exports/exporter.ts';
import { fileNameOf } from '../../src/exports/export-files.ts';
import type { Export, ExportRequest } from '../../src/exports/exports.ts';
import { insertExport, readExport, readNow } from '../../src/exports/exports-query.ts';
import type { RunExportDeps } from '../../src/exports/run-export.ts';
import type { Report } from '../../src/http/report.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices } from '../support/isolated.ts';
import { until } from '../support/until.ts';

export const HOUR = '2026-03-05T10:00:00.000Z';

export interface ExportsFixture {
  readonly pool: Pool;
  readonly databaseUrl: string;
  readonly directory: string;
  readonly outcomes: ExportOutcome[];
  /** What an exporter has, but for what the test changes. */
  readonly deps: RunExportDeps;
  /** Flushes rows of a tenant, each of amount 1.5; they all belong to one batch. */
  addPulses(tenant: string, count: number): Promise<void>;
  ask(given?: Partial<ExportRequest>, scope?: TenantScope): Promise<Export>;
  start(given?: Partial<RunExportDeps>): Exporter;
  read(id: string): Promise<Export>;
  /** Waits until it is neither queued nor running. */
  end(id: string): Promise<Export>;
  fileOf(ended: Export): Promise<Buffer>;
  files(): Promise<string[]>;
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useExportsFixture(): ExportsFixture {
  const fixture = {} as ExportsFixture;
  let close: () => Promise<void>;
  const running: Exporter[] = [];
  beforeAll(async () => {
    const opened = await open(running);
    close = opened.close;
    Object.assign(fixture, opened.fixture);
  });
  beforeEach(async () => {
    await Promise.all(running.splice(0).map((exporter) => exporter.close(5_000)));
    await fixture.pool.query('TRUNCATE exports, pulses, flush_batches');
    for (const name of await fixture.files()) await rm(join(fixture.directory, name));
    fixture.outcomes.length = 0;
  });
  afterAll(async () => {
    await Promise.all(running.map((exporter) => exporter.close(5_000)));
    await close();
  });
  return fixture;
}

async function open(running: Exporter[]) {
  const services = await isolatedServices();
  const logger = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const pool = createPool(services.databaseUrl, { name: 'exports test', logger });
  const directory = await mkdtemp(join(tmpdir(), 'pulse-exports-'));
  const outcomes: ExportOutcome[] = [];
  const deps: RunExportDeps = {
    ...{ pool, directory, reports: REPORTS, windowSeconds: 3_600, ttlHours: 1, leaseMs: 2_000 },
    quotaBytes: 1_000_000_000,
    onReady: () => Promise.resolve(),
    onPoint: () => undefined,
  };
  const read = async (id: string): Promise<Export> => {
    const found = await readExport(pool, id);
    if (found === undefined) throw new Error(`There is no export ${id}.`);
    return found;
  };
  const fixture: ExportsFixture = {
    ...{ pool, databaseUrl: services.databaseUrl, directory, outcomes, deps, read },
    async addPulses(tenant, count) {
      const batch = randomUUID();
      await pool.query(`SELECT ensure_pulses_partitions($1, $1)`, [HOUR]);
      await pool.query(
        `WITH batch AS (
           INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at)
           VALUES ($1, 0, $2, $2, $3, $3, $3))
         INSERT INTO pulses (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
         SELECT $4, 'sku-' || n, 'GB', 1.5, 1, $3, $1 FROM generate_series(1, $2) AS n`,
        [batch, count, HOUR, tenant],
      );
      // So that `as_of`, which has milliseconds, is after it.
      await pool.query('SELECT pg_sleep(0.002)');
    },
    async ask(given = {}, scope = 'all') {
      return insertExport(pool, {
        ...{ id: randomUUID(), scope, createdBy: 'test', report: 'pulses', parameters: {} },
        ...{ format: 'csv', gzip: false, spreadsheet: false, asOf: await readNow(pool) },
        ...given,
      });
    },
    start(given = {}) {
      const exporter = startExporter({
        ...deps,
        ...given,
        ...{ prefix: '', logger },
        onEnd: (outcome) => outcomes.push(outcome),
      });
      running.push(exporter);
      return exporter;
    },
    async end(id) {
      const isOver = async () => !['queued', 'running'].includes((await read(id)).state);
      await until('the export ends', 30_000, isOver);
      return read(id);
    },
    fileOf: (ended) => readFile(join(directory, fileNameOf(ended))),
    files: () => readdir(directory),
  };
  const close = async () => {
    await pool.end();
    await services.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { fixture, close };
}

/** A pool whose transactions get their connections in another way. */
export function connectingBy(pool: Pool, connect: () => Promise<PoolClient>): Pool {
  return new Proxy(pool, {
    get(target, name) {
      if (name === 'connect') return connect;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

/** Takes longer than any test. */
export const SLOW: Report = {
  name: 'slow',
  description: 'A row a second.',
  parameters: {} as Report['parameters'],
  ask: () =>
    Promise.resolve({
      columns: { n: 'number' },
      select: {
        text: 'SELECT n, pg_sleep(1)::text AS slept FROM generate_series(1, 300) AS n',
        values: [],
      },
    }),
};
