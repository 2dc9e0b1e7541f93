/** Calls of the TypeScript client about workflows, on real servers. */
import { expect } from 'vitest';
import type { PulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { eventually } from '../support/eventually.ts';
import { collect } from './client-calls.ts';

const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
const TEXT = expect.any(String) as string;

export async function checkWorkflows({ workflows }: PulseClient): Promise<void> {
  const from = new Date(Date.now() - 60_000);
  const given = { data: [{ a: 1, b: '=1+1' }], steps: ['price', 'invoice'], client: '123' };
  const inserted = await workflows.insert(given, { idempotencyKey: 'workflow' });
  expect(inserted).toEqual({
    ...given,
    ...{ uuid: TEXT, status: 'inserted', created_by: TEXT, created_at: INSTANT },
    ...{ consumed_at: null, consumed_by: null },
  });
  const { uuid } = inserted;
  expect(await workflows.insert(given, { idempotencyKey: 'workflow' })).toEqual(inserted);
  expect(await workflows.get(uuid)).toEqual(inserted);
  const query = { from, to: new Date(Date.now() + 60_000), step: 'price' };
  expect(await collect(workflows.all({ ...query, status: 'inserted', limit: 1 }))).toEqual([
    inserted,
  ]);
  const first = await workflows.page({ limit: 1 });
  expect(first).toEqual({ data: [inserted], next: null });

  const csv = 'a,b\r\n1,=1+1\r\n';
  await eventually(() => workflows.consume()).toEqual({ uuid, csv });
  expect(await workflows.consume({ spreadsheet: true })).toBeUndefined();
  const consumed = { ...inserted, status: 'consumed', consumed_at: INSTANT, consumed_by: TEXT };
  expect(await workflows.get(uuid)).toEqual(consumed);
  expect(await workflows.csv(uuid)).toBe(csv);
  expect(await workflows.csv(uuid, { spreadsheet: true })).toBe("\ufeffa,b\r\n1,'=1+1\r\n");
  expect(await workflows.setStatus(uuid, 'inserted')).toEqual(inserted);
  expect((await workflows.setStatus(uuid, 'consumed')).status).toBe('consumed');
  const { created_at: after } = await workflows.insert({ data: 1, steps: ['one'] });
  expect(await workflows.page({ from: after })).toMatchObject({ data: [{ data: 1 }], next: null });
}
