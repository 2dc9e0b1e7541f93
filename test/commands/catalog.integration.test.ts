import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS, temporaryDirectory } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

async function importText(flow: Flow, text: string | Buffer, ...more: string[]) {
  const file = join(temporaryDirectory(), 'catalog');
  writeFileSync(file, text);
  return await flow.run(['catalog', 'import', file, ...more]);
}

async function exported(flow: Flow) {
  const { stdout } = await flow.run(['catalog', 'export']);
  return { text: stdout, catalog: JSON.parse(stdout) as Record<string, unknown[]> };
}

test('a catalogue is imported table by table, exported, and imported again without a change', async () => {
  const flow = await openFlow();
  await flow.flush();
  const tiers =
    '{"mode":"graduated","steps":[{"up_to":10,"unit_amount":"2"},{"up_to":null,"unit_amount":"1"}]}';
  const tables = [
    'unit,dimension,factor\ndozen,count,12\n',
    'id,name,email,tenant\n123,Acme,billing@acme.example,acme\n124,Umbrella,,\n',
    'sku,name,unit,active,recurring\nABC,"Disk, large",GB·h,true,true\nXYZ,Eggs,dozen,,\n',
    `sku,currency,unit_amount,valid_from,tiers\nABC,USD,0.025,2026-01-01T00:00:00Z,"${tiers.replaceAll('"', '""')}"\n`,
  ];
  for (const table of tables) {
    expect(await importText(flow, table)).toMatchObject({ exitCode: 0, stderr: '' });
  }
  const { text, catalog } = await exported(flow);
  expect(catalog.units).toContainEqual({ unit: 'dozen', dimension: 'count', factor: '12' });
  expect(catalog.customers).toEqual([
    { id: '123', name: 'Acme', email: 'billing@acme.example', tenant: 'acme' },
    { id: '124', name: 'Umbrella', email: null, tenant: null },
  ]);
  expect(catalog.products).toEqual([
    { sku: 'ABC', name: 'Disk, large', unit: 'GB·h', active: true, recurring: true },
    { sku: 'XYZ', name: 'Eggs', unit: 'dozen', active: true, recurring: false },
  ]);
  expect(catalog.prices).toEqual([
    {
      sku: 'ABC',
      currency: 'USD',
      unit_amount: '0.025',
      valid_from: '2026-01-01T00:00:00.000Z',
      tiers: JSON.parse(tiers) as object,
    },
  ]);
  const again = await importText(flow, text);
  expect(again).toMatchObject({ exitCode: 0, stderr: '' });
  expect(again.stdout).toContain('2 customers, 2 products, 1 price.');
  expect((await exported(flow)).text).toBe(text);
});

test('with a mistake nothing is imported, and every mistake is reported with its line', async () => {
  const flow = await openFlow();
  await flow.flush();
  const { text: before } = await exported(flow);
  const catalog = `{
  "customers": [
    {"id": "1", "name": "Acme", "tenant": "acme"},
    {"id": "2", "name": "Twin", "tenant": "acme"},
    {"id": "3", "name": "Typo", "emial": "a@b.example"}
  ],
  "products": [
    {"sku": "A", "name": "Disk", "unit": "parsec"},
    {"sku": "B", "name": "Disk", "unit": "GB"}
  ],
  "prices": [
    {"sku": "B", "currency": "usd", "unit_amount": "1", "valid_from": "2026-01-01T00:00:00Z"},
    {"sku": "B", "currency": "USD", "unit_amount": "1e3", "valid_from": "2026-01-01T00:00:00Z"},
    {"sku": "B", "currency": "USD", "unit_amount": "1", "valid_from": "2026-01-01T00:00:00Z"},
    {"sku": "B", "currency": "USD", "unit_amount": "2", "valid_from": "2026-01-01T00:00:00Z"},
    {"sku": "C", "currency": "USD", "unit_amount": "1", "valid_from": "2026-01-01T00:00:00Z"}
  ]
}`;
  const refused = await importText(flow, catalog);
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout.split('\n')).toEqual([
    'line 4: Tenant "acme" can belong to one customer only.',
    'line 5: emial: is not a known field; did you mean email?',
    'line 8: unit: has the unknown unit "parsec"',
    'line 12: currency: must match ^[A-Z]{3}$, such as USD',
    'line 13: unit_amount: must match ^(0|[1-9][0-9]{0,10})(\\.[0-9]{1,9})?$',
    'line 15: Product B has a price in USD from 2026-01-01T00:00:00.000Z on, which never changes.',
    'line 16: there is no product C',
    'Nothing was imported.',
    '',
  ]);
  const { stdout } = await importText(flow, 'id,name\n1,Acme\n2\n', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ imported: null, mistakes: [{ line: 3 }] });
  expect((await exported(flow)).text).toBe(before);

  for (const [content, says] of [
    [Buffer.from([0xff, 0xfe, 0x41]), 'is not UTF-8'],
    [Buffer.alloc(33 * 1024 * 1024, 0x61), 'has more than 32 MiB'],
  ] as const) {
    const { exitCode, stderr } = await importText(flow, content);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(says);
  }
  const missing = await flow.run(['catalog', 'import', 'nowhere.csv']);
  expect(missing.exitCode).toBe(2);
  expect(missing.stderr).toContain('nowhere.csv: cannot be read (ENOENT).');
});
