import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createQuarantineMetrics } from '../../src/quarantine/quarantine-metrics.ts';

test('parked dead letters are counted by reason, and shown as 0 from the start', async () => {
  const registry = new Registry();
  const metrics = createQuarantineMetrics(registry);
  metrics.parked('refused');
  metrics.parked('refused');
  const text = await registry.metrics();
  expect(text).toContain('pulse_dead_letters_parked_total{reason="refused"} 2\n');
  expect(text).toContain('pulse_dead_letters_parked_total{reason="returned"} 0\n');
});
