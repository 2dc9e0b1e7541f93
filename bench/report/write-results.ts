/** bench/results: the newest figures of every scenario, as JSON, as a picture, and as Markdown. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SCENARIOS } from '../catalog.ts';
import { DRAIN_SETTINGS } from '../ingest-sides.ts';
import { DEDUPE_WINDOW_SECONDS } from '../installation.ts';
import type { Machine } from '../machine.ts';
import type { ScenarioResult } from '../scenario.ts';
import { drawChart } from './chart.ts';
import { markdownCpuTable, markdownTable } from './table.ts';

export interface RunSettings {
  readonly quick: boolean;
  readonly rounds: number;
  /** CPU profiles were taken, which slows the product down. */
  readonly profile: boolean;
}

/** The content of latest.json. Machine and settings are those of the newest run. */
export interface BenchReport {
  readonly machine: Machine;
  readonly settings: RunSettings & {
    readonly bareDrain: typeof DRAIN_SETTINGS;
    readonly dedupeWindowSeconds: number;
  };
  readonly writtenAt: string;
  readonly scenarios: readonly ScenarioResult[];
}

const DIRECTORY = fileURLToPath(new URL('../../../bench/results/', import.meta.url));

/** Writes the three files. Scenarios that did not run keep their earlier result, with its commit and date. */
export function writeResults({
  machine,
  settings,
  results,
}: {
  machine: Machine;
  settings: RunSettings;
  results: readonly ScenarioResult[];
}): BenchReport {
  mkdirSync(DIRECTORY, { recursive: true });
  const kept = readKept();
  const scenarios = SCENARIOS.flatMap(({ name }) => {
    const result =
      results.find((one) => one.name === name) ?? kept.find((one) => one.name === name);
    return result === undefined ? [] : [result];
  });
  const report: BenchReport = {
    machine,
    settings: {
      ...settings,
      bareDrain: DRAIN_SETTINGS,
      dedupeWindowSeconds: DEDUPE_WINDOW_SECONDS,
    },
    writtenAt: new Date().toISOString(),
    scenarios,
  };
  const caption = describeRun(report);
  write('latest.json', `${JSON.stringify(report, null, 2)}\n`);
  write('latest.svg', drawChart(scenarios, caption));
  write(
    'latest.md',
    `${caption}\n\n${markdownTable(scenarios)}\n\nCPU microseconds a pulse:\n\n${markdownCpuTable(scenarios)}\n`,
  );
  return report;
}

function describeRun({ machine, writtenAt }: BenchReport): string {
  const { cores, cpu, versions, commit } = machine;
  const servers = `RabbitMQ ${versions.rabbitmq ?? '?'}, Redis ${versions.redis ?? '?'}, PostgreSQL ${versions.postgres ?? '?'}`;
  return (
    `${cores} cores for everything (${cpu}), Node.js ${versions.node ?? '?'}, ${servers}, ` +
    `commit ${commit}, ${writtenAt.slice(0, 10)}`
  );
}

function readKept(): readonly ScenarioResult[] {
  const path = join(DIRECTORY, 'latest.json');
  if (!existsSync(path)) return [];
  return (JSON.parse(readFileSync(path, 'utf8')) as BenchReport).scenarios;
}

function write(name: string, text: string): void {
  writeFileSync(join(DIRECTORY, name), text);
}
