/** Exports for the access matrix, with the name of their tenant in what they show. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { fileNameOf, MANIFEST } from '../../src/exports/export-files.ts';
import { insertExport } from '../../src/exports/exports-query.ts';
import { toManifest } from '../../src/exports/manifest.ts';

export const newExportDirectory = () => mkdtemp(join(tmpdir(), 'pulse-matrix-'));

/** Creates an export that is ready. @returns Its id. */
export async function insertReadyExport(
  pool: Pool,
  directory: string,
  tenant: string,
): Promise<string> {
  const made = await insertExport(pool, {
    ...{ id: randomUUID(), scope: [tenant], createdBy: 'test', report: 'usage' },
    ...{ parameters: { tenant: [tenant] }, format: 'csv', gzip: false, spreadsheet: false },
    asOf: new Date('2026-03-01T00:00:00Z'),
  });
  const text = `tenant\r\n${tenant}\r\n`;
  const written = { columns: ['tenant'], rowCount: 1, sums: {}, sha256: 'a'.repeat(64) };
  const manifest = toManifest(made, { ...written, byteCount: text.length });
  const path = join(directory, fileNameOf(made));
  await writeFile(path, text);
  await writeFile(`${path}${MANIFEST}`, JSON.stringify(manifest));
  await pool.query(
    `UPDATE exports SET state = 'ready', row_count = 1, byte_count = $2, sha256 = $3, sums = '{}', ended_at = now(),
       expires_at = now() + interval '1 hour' WHERE id = $1`,
    [made.id, text.length, written.sha256],
  );
  return made.id;
}
