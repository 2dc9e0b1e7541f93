import { expect, test } from 'vitest';
import { changeProduct } from '../../src/catalog/change-catalog.ts';
import { readUnits } from '../../src/catalog/catalog-query.ts';

const UNIT = { dimension: 'time', numerator: '1', denominator: '1' };

/** Answers every question with the units that it names, and keeps its parameters. */
function fakeClient() {
  const asked: unknown[] = [];
  const query = (_sql: string, [names]: readonly unknown[] = []) => {
    asked.push(names);
    const rows = Array.isArray(names) ? names.map((unit: unknown) => ({ ...UNIT, unit })) : [];
    return Promise.resolve({ rows });
  };
  return { client: { query } as never, asked };
}

test('a product reads only its own units, so that an import of very many units and products ends', async () => {
  const { client, asked } = fakeClient();
  const product = { sku: 's', name: 'S', unit: 'GB·h', active: true, recurring: false };
  await changeProduct(client, product);
  expect(asked[0]).toEqual(['GB', 'h']);
});

test('without names all units are read', async () => {
  const { client, asked } = fakeClient();
  await readUnits(client);
  expect(asked).toEqual([null]);
});
