/** Runs one scenario: a warm-up, then rounds of both sides in alternating order, then the check of the result. */
import { CPU_GROUPS, type CpuUs } from './cpu.ts';
import { formatFigure } from './report/table.ts';
import type {
  BenchContext,
  Measured,
  OpenedScenario,
  Round,
  Scenario,
  ScenarioResult,
} from './scenario.ts';
import { median, spreadOf, type Spread } from './statistics.ts';

/** Never throws: an error becomes part of the result. */
export async function runScenario(
  context: BenchContext,
  scenario: Scenario,
  commit: string,
): Promise<ScenarioResult> {
  const startedMs = performance.now();
  const runs: Round[] = [];
  let error: string | null = null;
  try {
    await runRounds(context, scenario, runs);
  } catch (failure) {
    error = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
  }
  return {
    ...judge(scenario, runs, error === null),
    error,
    quick: context.quick,
    commit,
    measuredAt: new Date().toISOString(),
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
  };
}

async function runRounds(context: BenchContext, scenario: Scenario, runs: Round[]): Promise<void> {
  const opened = await scenario.open(context);
  try {
    await runRound(scenario, opened, { warmUp: true, referenceFirst: false });
    for (let index = 0; index < context.rounds; index++) {
      const order = { warmUp: false, referenceFirst: index % 2 === 1 };
      const round = await runRound(scenario, opened, order);
      runs.push(round);
      context.tell(`${scenario.name} ${index + 1}/${context.rounds}: ${describe(scenario, round)}`);
    }
    await opened.verify();
  } catch (failure) {
    // The first error says more than those that follow from it.
    await opened.close().catch(() => undefined);
    throw failure;
  }
  await opened.close();
}

async function runRound(
  scenario: Scenario,
  opened: OpenedScenario,
  { warmUp, referenceFirst }: { warmUp: boolean; referenceFirst: boolean },
): Promise<Round> {
  await opened.prepare(warmUp);
  let reference: Measured | null = null;
  if (referenceFirst) reference = (await opened.reference?.()) ?? null;
  const product = await opened.product();
  if (!referenceFirst) reference = (await opened.reference?.()) ?? null;
  const ratioOf =
    scenario.ratioOf ?? ((ours: Measured, theirs: Measured) => ours.value / theirs.value);
  return {
    first: referenceFirst ? 'reference' : 'product',
    product,
    reference,
    ratio: reference === null ? null : ratioOf(product, reference),
  };
}

function describe({ unit }: Scenario, { product, reference, ratio }: Round): string {
  const text = `${formatFigure(product.value)} ${unit}`;
  if (reference === null || ratio === null) return text;
  return `${text}, reference ${formatFigure(reference.value)}, ratio ${ratio.toFixed(2)}`;
}

type Judged = Omit<ScenarioResult, 'error' | 'quick' | 'commit' | 'measuredAt' | 'seconds'>;

function judge(scenario: Scenario, runs: readonly Round[], verified: boolean): Judged {
  const { name, measured, against, unit, judgement, mustReach, aim } = scenario;
  const references = runs.flatMap(({ reference }) => (reference === null ? [] : [reference]));
  const ratios = runs.flatMap(({ ratio }) => (ratio === null ? [] : [ratio]));
  const value = medianOrNull(runs.map(({ product }) => product.value));
  const ratio = ratios.length === 0 ? null : spreadOf(ratios);
  const conditions = runs.length === 0 ? [] : (scenario.conditions?.(runs) ?? []);
  const reached = reaches(scenario, value, ratio);
  return {
    name,
    measured,
    against,
    unit,
    judgement,
    mustReach,
    aim,
    value,
    reference: medianOrNull(references.map((side) => side.value)),
    ratio,
    conditions,
    passed: verified && reached && conditions.every(({ passed }) => passed),
    verified,
    runs,
    cpu_us_per_pulse: cpuPerPulse(runs.map(({ product }) => product)),
    reference_cpu_us_per_pulse: cpuPerPulse(references),
  };
}

function reaches(
  { judgement, mustReach }: Scenario,
  value: number | null,
  ratio: Spread | null,
): boolean {
  switch (judgement) {
    case 'ratio at least':
      return ratio !== null && ratio.median >= mustReach;
    case 'ratio at most':
      return ratio !== null && ratio.median <= mustReach;
    case 'value at most':
      return value !== null && value <= mustReach;
  }
}

/** The median over the rounds, for each kind of process. */
function cpuPerPulse(sides: readonly Measured[]): CpuUs | null {
  const known = sides.flatMap(({ cpuUs, pulseCount }) =>
    cpuUs === undefined || cpuUs === null || pulseCount === undefined
      ? []
      : [{ cpuUs, pulseCount }],
  );
  if (known.length === 0) return null;
  const entries = CPU_GROUPS.map((group) => {
    const perPulse = known.map(({ cpuUs, pulseCount }) => cpuUs[group] / pulseCount);
    return [group, Math.round(median(perPulse) * 100) / 100] as const;
  });
  return Object.fromEntries(entries) as unknown as CpuUs;
}

function medianOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : median(values);
}
