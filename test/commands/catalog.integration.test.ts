import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS, temporaryDirectory } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

async function importText(flow: Flow, text: string | Buffer, ...more: string[]) {
  const file = join(temporaryDirectory(), 'catalog');
  writeFileSync(file, text);
  return await flow.call(['catalog', 'import', file, ...more]);
}

async function exported(flow: Flow) {
  const { stdout } = await flow.call(['catalog', 'export']);
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

test('with an error nothing is imported, and every error is reported with its line', async () => {
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
    'line 12: currency: must be three capital letters such as USD',
    'line 13: unit_amount: must be a decimal such as 2.5, with at most 11 digits before the point and 9 after it',
    'line 15: Product B has a price in USD from 2026-01-01T00:00:00.000Z on, which never changes. See line 14.',
    'line 16: there is no product C',
    'Nothing was imported.',
    '',
  ]);
  const { stdout } = await importText(flow, 'id,name\n1,Acme\n2\n', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ imported: null, errors: [{ line: 3 }] });
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

test('the same customer or product twice in a file is an error, the same unit or price is not', async () => {
  const flow = await openFlow();
  await flow.flush();
  const { text: before } = await exported(flow);
  const twice = await importText(flow, 'id,name\n1,Acme\n2,Umbrella\n1,Other\n');
  expect(twice).toMatchObject({
    exitCode: 1,
    stdout: 'line 4: is in the file twice, first in line 2\nNothing was imported.\n',
  });
  const proto = await importText(flow, 'id,name,__proto__\n1,Acme,x\n');
  expect(proto).toMatchObject({ exitCode: 1 });
  expect(proto.stdout).toContain('line 2: __proto__: is not a known field');
  expect((await exported(flow)).text).toBe(before);

  const price = (tierAmount: string, validFrom: string): string =>
    `{"sku":"T","currency":"USD","unit_amount":"1","valid_from":"${validFrom}",
      "tiers":{"mode":"volume","steps":[{"up_to":null,"unit_amount":"${tierAmount}"}]}}`;
  const product = '{"sku":"T","name":"Tiered","unit":"count"}';
  const same = `{"products":[${product}],
"units":[{"unit":"gross","dimension":"count","factor":"144"},
  {"unit":"gross","dimension":"count","factor":"288/2"}],
"prices":[${price('0.1', '2026-01-01T00:00:00Z')},${price('0.10', '2026-01-01T01:00:00+01:00')}]}`;
  expect(await importText(flow, same)).toMatchObject({ exitCode: 0 });
  const again = same.replaceAll('"0.1"', '"0.100"');
  expect(await importText(flow, again)).toMatchObject({ exitCode: 0 });
  const other = await importText(flow, same.replace('288/2', '12').replace('"0.10"', '"0.2"'));
  expect(other.exitCode).toBe(1);
  expect(other.stdout).toContain(
    'line 3: Unit "gross" is known, and its factor never changes. See line 2.',
  );
  expect(other.stdout).toMatch(/^line 5: Product T has a price .* See line 4\.$/m);

  const products = `{"products":[${product},\n${product}]}`;
  expect((await importText(flow, products)).stdout).toContain(
    'line 2: is in the file twice, first in line 1',
  );
});

test('what is wrong with a row is said without the language of schemas', async () => {
  const flow = await openFlow();
  await flow.flush();
  const csv = 'sku,currency,unit_amount,valid_from,tiers\nA,USD,2.,yesterday,5\n';
  expect((await importText(flow, csv)).stdout.split('\n').slice(0, -2).sort()).toEqual([
    'line 2: tiers: must be an object, see docs/orders.md',
    'line 2: unit_amount: must be a decimal such as 2.5, with at most 11 digits before the point and 9 after it',
    'line 2: valid_from: must be an RFC 3339 instant such as 2026-01-31T13:00:00Z',
  ]);
  const products = 'sku,name,unit,active\nA,Disk,GB,yes\n';
  expect((await importText(flow, products)).stdout).toContain(
    'line 2: active: must be true or false\n',
  );
  const json = JSON.stringify({
    customers: [
      7,
      { id: '', name: 'x'.repeat(257), email: 'a.'.repeat(5_000_000) },
      { id: '1', name: 1, email: 'a' },
    ],
    prices: [
      {
        sku: 'A',
        currency: 'USD',
        unit_amount: 2,
        valid_from: '2026-01-01T00:00:00Z',
        tiers: {
          mode: 'volume',
          steps: [
            { up_to: 'x', unit_amount: '1' },
            { up_to: 0, unit_amount: '1' },
          ],
        },
      },
    ],
  });
  const { stdout } = await importText(flow, json);
  expect(stdout.split('\n').slice(0, -2).sort()).toEqual([
    'line 1: email: must be an email address such as billing@acme.example',
    'line 1: email: must not have 10,000,000 characters',
    'line 1: name: must be a text in double quotes',
    'line 1: the row: must be an object, see docs/orders.md',
    'line 1: tiers.steps.0.up_to: must be a whole number, or null for no end',
    'line 1: tiers.steps.1.up_to: must be at least 1',
    'line 1: unit_amount: must be a decimal in double quotes such as "2.5"',
  ]);
});

test('an import that Ctrl-C or Postgres ends says that nothing was imported', async () => {
  const flow = await openFlow();
  await flow.flush();
  const pool = new Pool({ connectionString: flow.env.DATABASE_URL, max: 2 });
  const client = await pool.connect();
  onTestFinished(async () => {
    client.release();
    await pool.end();
  });
  const file = join(temporaryDirectory(), 'catalog');
  writeFileSync(file, 'id,name\n1,Acme\n2,Umbrella\n');

  await client.query(
    "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('pulse catalog import', 0))",
  );
  const waiting = flow.begin(['catalog', 'import', file]);
  await waiting.printed('Another import is in progress');
  waiting.signal('SIGINT');
  expect(await waiting.ended).toMatchObject({ exitCode: 1, stdout: '' });
  expect(waiting.output).toContain('pulse: Stopped; nothing was imported.\n');
  await client.query('ROLLBACK');

  await client.query("BEGIN; INSERT INTO customers (id, name) VALUES ('2', 'Held')");
  const held = flow.begin(['catalog', 'import', file]);
  const cancelled = async () => {
    const sql = `SELECT FROM pg_stat_activity, pg_cancel_backend(pid)
      WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    return (await pool.query(sql)).rowCount;
  };
  await expect.poll(cancelled, { timeout: 30_000 }).toBe(1);
  expect(await held.ended).toMatchObject({ exitCode: 1, stdout: '' });
  expect(held.output).toMatch(/^pulse: Postgres: .*\. Nothing was imported: try again\.$/m);
  await client.query('ROLLBACK');
  expect((await exported(flow)).catalog.customers).toEqual([]);
});
