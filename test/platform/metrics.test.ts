import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import {
  addSampledCounter,
  addSampledGauge,
  addSampledGauges,
  createMetricsRegistry,
} from '../../src/platform/metrics.ts';

const samplesOf = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line.startsWith('pulse_'));

test('a gauge is absent while its value is unknown, and comes back', async () => {
  const registry = new Registry();
  let value: number | undefined;
  let parts: Record<string, number> = {};
  addSampledGauge(registry, { name: 'pulse_a', help: 'a', read: () => value });
  addSampledGauges(registry, { name: 'pulse_b', help: 'b', label: 'part', read: () => parts });
  expect(await samplesOf(registry)).toEqual([]);
  value = 0;
  parts = { live: 1, sealed: 2 };
  const shown = ['pulse_a 0', 'pulse_b{part="live"} 1', 'pulse_b{part="sealed"} 2'];
  expect(await samplesOf(registry)).toEqual(shown);
  value = undefined;
  parts = { live: 3 };
  expect(await samplesOf(registry)).toEqual(['pulse_b{part="live"} 3']);
});

test('a sampled counter shows its total, however often it is read', async () => {
  const registry = new Registry();
  let total = 4;
  addSampledCounter(registry, { name: 'pulse_c_total', help: 'c', read: () => total });
  expect(await samplesOf(registry)).toEqual(['pulse_c_total 4']);
  total = 9;
  await samplesOf(registry);
  expect(await samplesOf(registry)).toEqual(['pulse_c_total 9']);
});

test('every process reports its build', async () => {
  expect(await samplesOf(createMetricsRegistry())).toEqual([
    `pulse_build_info{version="0.1.0",node="${process.versions.node}"} 1`,
  ]);
});
