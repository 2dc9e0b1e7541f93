/** Exports for Prometheus. */
import { Counter, type Registry } from 'prom-client';
import { addSampledGauge, addSampledGauges } from '../platform/metrics.ts';
import type { Watch } from '../platform/watch.ts';
import type { ExportOutcome } from './exporter.ts';
import type { ExportDepth } from './exports-query.ts';

const OUTCOMES: readonly ExportOutcome[] = ['ready', 'failed', 'lost', 'released'];

export function createExportMetrics(registry: Registry) {
  const ended = new Counter({
    name: 'pulse_exports_ended_total',
    help: 'Attempts at exports, by whether the file is ready, can never be, was lost to another process or a cancel, or was left for later.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const rows = new Counter({
    name: 'pulse_export_rows_total',
    help: 'Rows in files that are ready.',
    registers: [registry],
  });
  for (const outcome of OUTCOMES) ended.inc({ outcome }, 0);
  return {
    record: (outcome: ExportOutcome, { rows: count }: { readonly rows: number }): void => {
      ended.inc({ outcome });
      rows.inc(count);
    },
  };
}

/** Exports as this process sees them; the same in every process. */
export function addExportMetrics(
  registry: Registry,
  watch: Pick<Watch<ExportDepth>, 'latest'>,
): void {
  addSampledGauges(registry, {
    name: 'pulse_exports',
    help: 'Exports that are queued or running.',
    label: 'state',
    read: () => {
      const { latest } = watch;
      return latest === undefined ? {} : { queued: latest.queued, running: latest.running };
    },
  });
  addSampledGauge(registry, {
    name: 'pulse_export_oldest_seconds',
    help: 'For how long the export that was requested first has been queued or running.',
    read: () => watch.latest?.oldestSeconds,
  });
  addSampledGauge(registry, {
    name: 'pulse_export_file_bytes',
    help: 'What the files of exports take.',
    read: () => watch.latest?.readyBytes,
  });
}
