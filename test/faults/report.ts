/** The report of the rounds, for people and scripts. */
import type { RoundResult } from './round.ts';

const MARKS: Record<RoundResult['outcome'], string> = {
  passed: 'ok',
  failed: 'FAILED',
  unreached: 'ok, but a fault was not reached',
  impossible: 'not possible here',
};

/** One line. Below it the complaints, and the command that repeats the round. */
export function describeRound(
  { seed, faults, outcome, complaints, notes, verdict, seconds }: RoundResult,
  { stopMs, pulseCount }: { readonly stopMs: number; readonly pulseCount: number },
): string {
  const counts =
    verdict === undefined
      ? 'no counts'
      : `good ${verdict.good} counted ${verdict.counted} unconfirmed ${verdict.unconfirmed} ` +
        `recovered ${verdict.recovered} poison ${verdict.poison} lost ${verdict.lost.length} ` +
        `duplicated ${verdict.duplicated.length} unexpected ${verdict.unexpected.length}`;
  const lines = [
    `seed ${seed}  ${faults.join(' + ')}  ${counts}  ${seconds.toFixed(1)} s  ${MARKS[outcome]}`,
    ...notes.map((note) => `  ${note}`),
    ...complaints.map((complaint) => `  !! ${complaint}`),
  ];
  if (outcome === 'failed') {
    lines.push(
      `  repeat: npm run test:faults -- --seed ${seed} --rounds 1 --only ${faults.join(',')} ` +
        `--stop-seconds ${stopMs / 1000} --pulses ${pulseCount}`,
    );
  }
  return lines.join('\n');
}

export function summarise(results: readonly RoundResult[]) {
  const outcomes = { passed: 0, failed: 0, unreached: 0, impossible: 0 };
  const perFault: Record<string, { rounds: number; failed: number; unreached: number }> = {};
  const sums = { good: 0, counted: 0, poison: 0, unconfirmed: 0, recovered: 0 };
  for (const { faults, outcome, verdict, notes } of results) {
    outcomes[outcome] += 1;
    for (const name of faults) {
      const tally = (perFault[name] ??= { rounds: 0, failed: 0, unreached: 0 });
      if (outcome === 'impossible') continue;
      tally.rounds += 1;
      if (outcome === 'failed') tally.failed += 1;
      if (notes.some((note) => note.startsWith('not reached') && note.endsWith(`(${name})`))) {
        tally.unreached += 1;
      }
    }
    for (const name of ['good', 'counted', 'poison', 'unconfirmed', 'recovered'] as const) {
      sums[name] += verdict?.[name] ?? 0;
    }
  }
  const seeds = results.map(({ seed }) => seed);
  return {
    rounds: results.length,
    seeds: [Math.min(...seeds), Math.max(...seeds)],
    ...outcomes,
    failedSeeds: results.filter(({ outcome }) => outcome === 'failed').map(({ seed }) => seed),
    pulses: sums,
    seconds: Math.round(results.reduce((sum, { seconds }) => sum + seconds, 0)),
    perFault,
  };
}
