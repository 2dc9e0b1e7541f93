import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

test('the delivery filter is on unless it is switched off', () => {
  expect(parseConfig({}).ingest.deliveryFilter).toBe(true);
  for (const DELIVERY_FILTER of ['off', 'false']) {
    expect(parseConfig({ DELIVERY_FILTER }).ingest.deliveryFilter).toBe(false);
  }
});
