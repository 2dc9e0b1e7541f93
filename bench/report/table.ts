/** The results for people: a table for the terminal and one for Markdown. */
import { CPU_GROUPS, type CpuUs } from '../cpu.ts';
import type { ScenarioResult } from '../scenario.ts';

/** Aligned columns, followed by what failed or missed its target. */
export function describeTable(results: readonly ScenarioResult[]): string {
  const rows = [['scenario', 'value', 'reference', 'ratio (min to max)', 'must reach', 'aim', '']];
  for (const result of results) {
    rows.push([
      result.name,
      valueText(result),
      referenceText(result),
      ratioText(result),
      barText(result, result.mustReach),
      barText(result, result.aim),
      verdict(result),
    ]);
  }
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, ...remarks(results)].join('\n');
}

/** The same table for the README and the docs. */
export function markdownTable(results: readonly ScenarioResult[]): string {
  const lines = [
    '| scenario | measured | Pulse | against | reference | ratio (min to max) | must reach | aim | |',
    '| --- | --- | ---: | --- | ---: | ---: | ---: | ---: | --- |',
  ];
  for (const result of results) {
    const cells = [
      `\`${result.name}\``,
      result.measured,
      valueText(result),
      result.against,
      referenceText(result),
      ratioText(result),
      barText(result, result.mustReach),
      barText(result, result.aim),
      verdict(result),
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** CPU microseconds per pulse, by process. */
export function markdownCpuTable(results: readonly ScenarioResult[]): string {
  const lines = [
    '| scenario | Node | RabbitMQ | Redis | Postgres | all else on the machine | reference: Node | reference: RabbitMQ |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  for (const { name, ...result } of results) {
    const cpu = result.cpu_us_per_pulse;
    if (cpu === null || result.unit !== 'pulses/s') continue;
    const reference = result.reference_cpu_us_per_pulse;
    const cells = [
      ...[cpu.node, cpu.rabbitmq, cpu.redis, cpu.postgres, cpu.other],
      ...[reference?.node, reference?.rabbitmq],
    ].map((us) => us?.toFixed(1) ?? '');
    lines.push(`| \`${name}\` | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

/** `passed`, or what is wrong. */
export function verdict({ verified, passed, quick }: ScenarioResult): string {
  const word = !verified ? 'WRONG' : passed ? 'passed' : 'missed';
  return quick ? `${word} (quick)` : word;
}

export function formatFigure(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

function valueText({ value, unit }: ScenarioResult): string {
  return value === null ? '' : `${formatFigure(value)} ${unit}`;
}

function referenceText({ reference }: ScenarioResult): string {
  return reference === null ? '' : formatFigure(reference);
}

function ratioText({ ratio }: ScenarioResult): string {
  if (ratio === null) return '';
  const text = (figure: number) => figure.toFixed(2);
  return `${text(ratio.median)} (${text(ratio.min)} to ${text(ratio.max)})`;
}

function barText({ judgement, unit }: ScenarioResult, bar: number): string {
  switch (judgement) {
    case 'ratio at least':
      return `≥ ${bar}x`;
    case 'ratio at most':
      return `≤ ${bar}x`;
    case 'value at most':
      return `≤ ${bar} ${unit}`;
  }
}

function remarks(results: readonly ScenarioResult[]): string[] {
  return results.flatMap(({ name, error, conditions, ...result }) => [
    ...cpuRemark(`${name}: CPU us a pulse`, result.cpu_us_per_pulse),
    ...cpuRemark(`${name}: the reference's`, result.reference_cpu_us_per_pulse),
    ...conditions.map(
      (condition) =>
        `${name}: ${condition.name} ${formatFigure(condition.value)}, at most ${condition.atMost}: ` +
        (condition.passed ? 'passed' : 'missed'),
    ),
    ...(error === null ? [] : [`${name} is WRONG: ${error.split('\n')[0] ?? ''}`]),
  ]);
}

function cpuRemark(what: string, cpu: CpuUs | null): string[] {
  if (cpu === null) return [];
  const groups = CPU_GROUPS.map((group) => `${group} ${cpu[group].toFixed(1)}`);
  return [`${what} ${groups.join(', ')}`];
}
