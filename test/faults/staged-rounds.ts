/** The rounds of one kind, such as those of orders, and their report for people and scripts. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PlayedRound } from './played-round.ts';
import type { RoundOptions } from './stage.ts';
import type { TestServers } from './test-servers.ts';

export interface StagedRound {
  readonly seed: number;
  /** Undefined: the seed chooses. */
  readonly faults: readonly string[] | undefined;
}

/** Its numbers are reported. */
interface Verdict {
  readonly complaints: readonly string[];
}

export interface StagedResult<Counts extends Verdict = Verdict> extends PlayedRound<Counts> {
  readonly seed: number;
  readonly faults: readonly string[];
}

export interface RoundKind {
  /** As in `--orders`. */
  readonly name: string;
  readonly faults: readonly { readonly name: string; readonly about: string }[];
  /** @throws RangeError There is no such fault. */
  readonly faultNamed: (name: string) => unknown;
  readonly run: (round: StagedRound, options: RoundOptions) => Promise<StagedResult>;
  /** The rounds of `--selection ci`. */
  readonly ciRounds: readonly StagedRound[];
}

/** Runs them one after the other. */
export async function runStagedRounds(
  { name, run }: RoundKind,
  rounds: Iterable<StagedRound>,
  options: {
    readonly main: string;
    readonly directory: string;
    readonly servers: TestServers;
    readonly keep: boolean;
    readonly isOver: () => boolean;
    readonly print: (text: string) => void;
  },
): Promise<StagedResult[]> {
  const { main, servers, print } = options;
  const results: StagedResult[] = [];
  for (const round of rounds) {
    if (options.isOver()) break;
    const directory = join(options.directory, `${name}-${results.length}-seed-${round.seed}`);
    const redisIndex = 901 + (results.length % 90);
    const result = await run(round, { main, servers, directory, redisIndex });
    results.push(result);
    print(`${describe(name, result)}\n`);
    if (result.outcome !== 'failed' && !options.keep) {
      rmSync(directory, { recursive: true, force: true });
    } else print(`  kept in ${directory}\n`);
  }
  return results;
}

const MARKS: Record<StagedResult['outcome'], string> = {
  passed: 'ok',
  failed: 'FAILED',
  unreached: 'ok, but a fault was not reached',
};

function describe(kind: string, result: StagedResult): string {
  const { seed, faults, outcome, complaints, notes, verdict, seconds } = result;
  const counts = countsOf(verdict).map(([name, count]) => `${name} ${count}`);
  const lines = [
    `${kind} seed ${seed}  ${faults.join(' + ')}  ${counts.join(' ') || 'no counts'}  ` +
      `${seconds.toFixed(1)} s  ${MARKS[outcome]}`,
    ...notes.map((note) => `  ${note}`),
    ...complaints.map((complaint) => `  !! ${complaint}`),
  ];
  if (outcome === 'failed') {
    const only = faults.join(',');
    lines.push(
      `  repeat: npm run test:faults -- --${kind} --seed ${seed} --rounds 1 --only ${only}`,
    );
  }
  return lines.join('\n');
}

function countsOf(verdict: object = {}): [string, number][] {
  const members = Object.entries(verdict) as [string, unknown][];
  return members.filter((member): member is [string, number] => typeof member[1] === 'number');
}

/** The last line of the run: what was counted, and in how many rounds each fault happened or did not. */
export function summariseStaged(kind: string, results: readonly StagedResult[]) {
  const outcomes = { passed: 0, failed: 0, unreached: 0 };
  const totals: Record<string, number> = {};
  const perFault: Record<string, number> = {};
  const perUnreached: Record<string, number> = {};
  for (const { outcome, verdict, faults, unreached } of results) {
    outcomes[outcome] += 1;
    for (const name of faults) {
      add(unreached.includes(name) ? perUnreached : perFault, name, 1);
    }
    for (const [name, count] of countsOf(verdict)) add(totals, name, count);
  }
  const seeds = results.map(({ seed }) => seed);
  const failedSeeds = results.filter(({ outcome }) => outcome === 'failed').map(({ seed }) => seed);
  const ends = { rounds: results.length, seeds: [Math.min(...seeds), Math.max(...seeds)] };
  return { ...ends, ...outcomes, failedSeeds, [kind]: totals, perFault, perUnreached };
}

function add(counts: Record<string, number>, name: string, count: number): void {
  counts[name] = (counts[name] ?? 0) + count;
}
