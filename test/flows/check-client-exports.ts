/** Calls of the TypeScript client about exports, on real servers. */
import { expect } from 'vitest';
import type { PulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { eventually } from '../support/eventually.ts';
import { collect } from './client-calls.ts';

const HOUR_MS = 3_600_000;
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
const SHA256 = expect.stringMatching(/^[\da-f]{64}$/) as string;
const NUMBER = expect.any(Number) as number;
const TEXT = expect.any(String) as string;

/** After orders have been made. */
export async function checkExports({ exports }: PulseClient, api: string): Promise<void> {
  const asked = {
    ...{ report: 'orders', parameters: { from: new Date(Date.now() - HOUR_MS).toISOString() } },
    ...{ gzip: false, spreadsheet: true, as_of: new Date() },
    format: 'csv',
  } as const;
  const made = await exports.create(asked, { idempotencyKey: 'one' });
  expect(made).toMatchObject({ ...asked, as_of: asked.as_of.toISOString(), rows: null });
  expect((await exports.create(asked, { idempotencyKey: 'one' })).id).toBe(made.id);
  await eventually(async () => (await exports.get(made.id)).state).toBe('ready');
  const ready = await exports.get(made.id);
  expect(ready).toEqual({
    ...made,
    ...{ state: 'ready', started_at: INSTANT, ended_at: INSTANT, expires_at: INSTANT },
    steps: ['query', 'write', 'checksum', 'publish'].map((step) => ({
      ...{ step, started_at: INSTANT, ended_at: INSTANT },
    })),
    ...{ rows: ready.rows_written, rows_written: ready.rows, rows_estimated: NUMBER },
    ...{ bytes: NUMBER, sha256: SHA256, sums: {} },
    download: { url: TEXT, expires_at: INSTANT },
  });
  expect(ready.rows).toBeGreaterThan(0);
  const file = await fetch(`${api}${ready.download!.url}`);
  expect((await file.arrayBuffer()).byteLength).toBe(ready.bytes);
  const { rows, bytes, sha256 } = ready;
  expect(await exports.manifest(made.id)).toMatchObject({ rows, bytes, sha256, tenants: null });

  const other = await exports.create({ report: 'usage' });
  const first = await exports.page({ limit: 1 });
  expect(first.data).toMatchObject([{ id: other.id }]);
  expect((await exports.page({ after: first.next! })).data).toMatchObject([{ id: made.id }]);
  expect((await exports.page({ state: 'ready', report: 'orders' })).data).toHaveLength(1);
  expect(await collect(exports.all({ limit: 1 }))).toHaveLength(2);
  expect((await exports.cancel(made.id)).state).toBe('expired');
}
