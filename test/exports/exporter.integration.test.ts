import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { defused } from '../../src/http/csv.ts';
import type { Report } from '../../src/http/report.ts';
import { fileNameOf } from '../../src/exports/export-files.ts';
import { endExport } from '../../src/exports/exports-query.ts';
import { ExportFailure, LeaseLostError } from '../../src/exports/exports.ts';
import { claimExport } from '../../src/exports/lease-query.ts';
import type { Manifest } from '../../src/exports/manifest.ts';
import { runExport } from '../../src/exports/run-export.ts';
import { sweepExports } from '../../src/exports/sweep-exports.ts';
import { connectingBy, SLOW, useExportsFixture } from './exports-fixture.ts';

const fixture = useExportsFixture();
const NEVER = new AbortController().signal;
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Takes the only export, as an exporter does. */
async function claim(leaseMs = 2_000) {
  const claimed = await claimExport(fixture.pool, leaseMs);
  if (claimed === undefined) throw new Error('There is nothing to claim.');
  return claimed;
}

describe('an export', () => {
  test('becomes a file with every row, a manifest, and the steps it took', async () => {
    await fixture.addPulses('acme', 500);
    const asked = await fixture.ask();
    fixture.start();
    const ended = await fixture.end(asked.id);
    expect(ended).toMatchObject({ state: 'ready', rowCount: 500, sums: { GB: '750' } });
    expect(ended.steps.map(({ step }) => step)).toEqual(['query', 'write', 'checksum', 'publish']);
    expect(ended.steps.every(({ ended_at: end }) => end !== null)).toBe(true);

    const file = await fixture.fileOf(ended);
    const lines = file.toString().split('\r\n');
    expect(lines).toHaveLength(502);
    expect(lines[0]).toBe(
      'id,tenant,product_sku,use_unity,used_amount,pulse_count,window_start,flush_batch_id,flushed_at',
    );
    expect(lines[1]).toMatch(/^\d+,acme,sku-1,GB,1\.5,1,2026-03-05T10:00:00\.000Z,/);
    expect(ended).toMatchObject({ sha256: sha256(file), byteCount: file.length });
    const manifest = JSON.parse(
      await readFile(join(fixture.directory, `${fileNameOf(ended)}.manifest.json`), 'utf8'),
    ) as Manifest;
    expect(manifest).toMatchObject({ rows: 500, sha256: ended.sha256, sums: { GB: '750' } });
    expect(await fixture.files()).toHaveLength(2);
  });

  test('for a spreadsheet holds no text that it would run, and every number', async () => {
    const texts = [
      '=1+1',
      '+1',
      '@x',
      '-x',
      '-1+1',
      '-1\n',
      '-',
      '\tx',
      '\rx',
      '\nx',
      '-٣',
      '-5',
      '-5.25',
      'a=b',
      '',
    ];
    const asked = await fixture.ask({ report: 'texts', spreadsheet: true });
    fixture.start({ reports: new Map([['texts', reportOf(texts)]]) });
    const ended = await fixture.end(asked.id);
    const file = (await fixture.fileOf(ended)).toString();
    expect(file.startsWith('\ufefftext\r\n')).toBe(true);
    const rows = parse(file, { bom: true, columns: true });
    expect(rows).toEqual(texts.map((text) => ({ text: defused(text) })));
  });

  test('with the same question and the same as_of has the same bytes, whatever came later', async () => {
    await fixture.addPulses('acme', 20);
    const first = await fixture.ask({ gzip: true, format: 'ndjson' });
    fixture.start();
    const one = await fixture.end(first.id);
    await fixture.addPulses('acme', 5);
    const again = await fixture.ask({ gzip: true, format: 'ndjson', asOf: first.asOf });
    const two = await fixture.end(again.id);
    expect(two.sha256).toBe(one.sha256);
    expect(
      gunzipSync(await fixture.fileOf(two))
        .toString()
        .trim()
        .split('\n'),
    ).toHaveLength(20);
    const later = await fixture.end((await fixture.ask()).id);
    expect(later.rowCount).toBe(25);
  });

  test('waits for transactions that began before as_of', async () => {
    const client = await fixture.pool.connect();
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at, flushed_at)
       VALUES (gen_random_uuid(), 0, 1, 1, now(), now(), now(), clock_timestamp())`,
    );
    const asked = await fixture.ask();
    fixture.start();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await fixture.read(asked.id)).toMatchObject({ state: 'running', rowsEstimated: null });
    await client.query('COMMIT');
    client.release();
    expect((await fixture.end(asked.id)).state).toBe('ready');
  });

  test('of some tenants has their rows only', async () => {
    await fixture.addPulses('acme', 3);
    await fixture.addPulses('globex', 4);
    const asked = await fixture.ask({}, ['acme']);
    fixture.start();
    const ended = await fixture.end(asked.id);
    expect(ended).toMatchObject({ rowCount: 3, sums: { GB: '4.5' } });
    expect((await fixture.fileOf(ended)).toString()).not.toContain('globex');
  });

  test('fails with a reason when its report does not exist', async () => {
    const asked = await fixture.ask({ report: 'gone' });
    fixture.start();
    expect(await fixture.end(asked.id)).toMatchObject({
      state: 'failed',
      failureCode: 'unknown_report',
    });
    expect(fixture.outcomes).toEqual(['failed']);
  });

  test('fails when the files take more than they may, and leaves nothing behind', async () => {
    await fixture.addPulses('acme', 50_000);
    const asked = await fixture.ask();
    fixture.start({ quotaBytes: 1_000 });
    expect(await fixture.end(asked.id)).toMatchObject({
      state: 'failed',
      failureCode: 'quota_exceeded',
    });
    expect(await fixture.files()).toEqual([]);
  });

  test('that is canceled while it runs ends, and leaves nothing behind', async () => {
    const asked = await fixture.ask({ report: 'slow' });
    fixture.start({ reports: new Map([['slow', SLOW]]), leaseMs: 500 });
    await expect.poll(async () => (await fixture.read(asked.id)).state).toBe('running');
    expect((await endExport(fixture.pool, asked.id))?.state).toBe('canceled');
    await expect.poll(() => fixture.outcomes, { timeout: 10_000 }).toEqual(['lost']);
    expect(await fixture.read(asked.id)).toMatchObject({ state: 'canceled' });
    expect(await fixture.files()).toEqual([]);
  });

  test('goes back when its exporter stops, and that is no failed attempt', async () => {
    const asked = await fixture.ask({ report: 'slow' });
    const exporter = fixture.start({ reports: new Map([['slow', SLOW]]) });
    await expect.poll(async () => (await fixture.read(asked.id)).state).toBe('running');
    await exporter.close(10_000);
    expect(await fixture.read(asked.id)).toMatchObject({ state: 'queued', attemptCount: 0 });
    expect(await fixture.files()).toEqual([]);
  });
});

describe('a lease', () => {
  test('that has ended lets another exporter take over; the first one cannot finish', async () => {
    await fixture.addPulses('acme', 10);
    const asked = await fixture.ask();
    const frozen = await claim(1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    fixture.start();
    const ended = await fixture.end(asked.id);
    expect(ended).toMatchObject({ state: 'ready', fence: 2 });
    await expect(runExport(frozen, fixture.deps, NEVER)).rejects.toThrow(LeaseLostError);
    expect(await fixture.read(asked.id)).toEqual(ended);
    expect(sha256(await fixture.fileOf(ended))).toBe(ended.sha256);
    expect(await fixture.files()).toHaveLength(2);
  });

  test('that is lost between the renaming and the end takes its files along', async () => {
    await fixture.addPulses('acme', 10);
    const asked = await fixture.ask();
    const claimed = await claim();
    let taken: Promise<unknown> = Promise.resolve();
    // The transaction at the end begins when another exporter has it.
    const afterTaking = async () => {
      await taken;
      return fixture.pool.connect();
    };
    const running = runExport(
      claimed,
      {
        ...fixture.deps,
        pool: connectingBy(fixture.pool, afterTaking),
        onPoint(point) {
          if (point !== 'renamed') return;
          taken = fixture.pool.query('UPDATE exports SET fence = fence + 1 WHERE id = $1', [
            asked.id,
          ]);
        },
      },
      NEVER,
    );
    await expect(running).rejects.toThrow(LeaseLostError);
    expect(await fixture.files()).toEqual([]);
    expect(await fixture.read(asked.id)).toMatchObject({ state: 'running', fence: 2 });
  });

  test('of one caller is never on all places of an exporter, however long its exports take', async () => {
    await fixture.addPulses('globex', 10);
    const slow = [await fixture.ask({ report: 'slow' }, ['acme'])];
    slow.push(await fixture.ask({ report: 'slow' }, ['acme']));
    fixture.start({ reports: new Map([...fixture.deps.reports, ['slow', SLOW]]) });
    await expect.poll(async () => (await fixture.read(slow[0]!.id)).state).toBe('running');
    const other = await fixture.ask({}, ['globex']);
    expect(await fixture.end(other.id)).toMatchObject({ state: 'ready', rowCount: 10 });
    const states = await Promise.all(slow.map(async ({ id }) => (await fixture.read(id)).state));
    expect(states).toEqual(['running', 'queued']);
  });

  test('is for the callers who have least in progress first', async () => {
    await fixture.ask({}, ['acme']);
    await fixture.ask({}, ['acme']);
    await fixture.ask({}, ['globex']);
    const first = await claim();
    const second = await claim();
    expect([first.tenants, second.tenants]).toEqual([['acme'], ['globex']]);
  });

  test('is given ten times at most', async () => {
    const asked = await fixture.ask();
    await fixture.pool.query('UPDATE exports SET attempt_count = 10');
    fixture.start();
    expect(await fixture.end(asked.id)).toMatchObject({
      state: 'failed',
      failureCode: 'attempts_exhausted',
    });
  });
});

describe('a disk', () => {
  test('that does not hold what was written fails the export', async () => {
    await fixture.addPulses('acme', 10);
    await fixture.ask();
    const claimed = await claim();
    const part = join(fixture.directory, `${fileNameOf(claimed)}.part`);
    const running = runExport(
      claimed,
      {
        ...fixture.deps,
        onPoint(point) {
          if (point === 'written') writeFileSync(part, 'something else');
        },
      },
      NEVER,
    );
    await expect(running).rejects.toThrow(ExportFailure);
    expect(await fixture.files()).toEqual([]);
  });
});

describe('sweeping', () => {
  test('removes the files of exports that expired, and old files of lost attempts', async () => {
    await fixture.addPulses('acme', 3);
    const kept = await fixture.ask();
    const due = await fixture.ask();
    fixture.start();
    await Promise.all([fixture.end(kept.id), fixture.end(due.id)]);
    await fixture.pool.query('UPDATE exports SET expires_at = now() WHERE id = $1', [due.id]);
    const lost = join(fixture.directory, `${kept.id}.7.csv.part`);
    const foreign = join(fixture.directory, 'notes.txt');
    await Promise.all([writeFile(lost, 'x'), writeFile(foreign, 'x')]);
    const { utimes } = await import('node:fs/promises');
    for (const name of await fixture.files()) await utimes(join(fixture.directory, name), 1, 1);

    await sweepExports(fixture.deps);
    expect((await fixture.read(due.id)).state).toBe('expired');
    const left = await fixture.files();
    expect(left.toSorted()).toEqual(
      [`${kept.id}.1.csv`, `${kept.id}.1.csv.manifest.json`, 'notes.txt'].toSorted(),
    );
  });
});

/** One row for each text. */
function reportOf(texts: readonly string[]): Report {
  const text = 'SELECT text FROM unnest($1::text[]) WITH ORDINALITY AS row (text, n) ORDER BY n';
  return {
    ...{ name: 'texts', description: 'Texts.', parameters: {} as Report['parameters'] },
    ask: () => Promise.resolve({ columns: { text: 'text' }, select: { text, values: [texts] } }),
  };
}
