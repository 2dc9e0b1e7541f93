/** All faults, and the plan that a round makes from a seed. */
import { createRandom, type Random } from '../../src/populate/random.ts';
import { AGGREGATOR_CRASH_FAULTS, AGGREGATOR_FAULTS } from './aggregate-faults.ts';
import { DISK_FAULTS } from './disk-faults.ts';
import { between, pick, type Fault } from './fault.ts';
import { EXACT_FAULTS, NETWORK_FAULTS } from './network-faults.ts';
import { CRASH_FAULTS, PROCESS_FAULTS } from './process-faults.ts';
import { SERVER_FAULTS } from './server-faults.ts';

const NO_FAULT: Fault = {
  name: 'none',
  about: 'no fault: checks the round itself',
  inject: () => Promise.resolve(undefined),
};

export const FAULTS: readonly Fault[] = [
  NO_FAULT,
  ...CRASH_FAULTS,
  ...AGGREGATOR_CRASH_FAULTS,
  ...AGGREGATOR_FAULTS,
  ...PROCESS_FAULTS,
  ...SERVER_FAULTS,
  ...EXACT_FAULTS,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
];

/** A seed chooses each group with equal probability, so that thirty network faults do not crowd out the rest. */
const GROUPS = [
  CRASH_FAULTS,
  AGGREGATOR_CRASH_FAULTS,
  AGGREGATOR_FAULTS,
  PROCESS_FAULTS,
  SERVER_FAULTS,
  EXACT_FAULTS,
  NETWORK_FAULTS,
];
/** Slow rounds with dedicated servers run when named, or with this probability, never combined with other faults. */
const DISK_CHANCE = 0.02;

export interface RoundPlan {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly workers: number;
  readonly threads: number;
  readonly shards: number;
  readonly batchSize: number;
  readonly pulseCount: number;
  /** Publishing is spread over this time. */
  readonly publishMs: number;
  readonly stopMs: number;
}

export interface PlanOptions {
  readonly stopMs: number;
  readonly pulseCount: number;
  /** Names of the faults; absent: the seed chooses one to three. */
  readonly only?: readonly string[] | undefined;
}

/** The same seed and options give the same plan. */
export function planRound(seed: number, { stopMs, pulseCount, only }: PlanOptions): RoundPlan {
  const random = createRandom(seed);
  const chosen = chooseFaults(random);
  const faults = only === undefined ? chosen : only.map(faultNamed);
  const seats = faults.filter(({ firstEnv }) => firstEnv !== undefined).length;
  return {
    seed,
    faults,
    workers: Math.max(between(1, 2, random), seats, ...faults.map(({ workers }) => workers ?? 1)),
    threads: Math.max(1, ...faults.map(({ threads }) => threads ?? 1)),
    shards: pick([1, 1, 3], random),
    batchSize: pick([20, 100, 500], random),
    pulseCount,
    publishMs: between(2_500, 4_500, random),
    stopMs,
  };
}

export function faultNamed(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (fault === undefined) throw new RangeError(`There is no fault "${name}"; --list names them.`);
  return fault;
}

function chooseFaults(random: Random): Fault[] {
  if (random.fraction() < DISK_CHANCE) return [pick(DISK_FAULTS, random)];
  const count = pick([1, 1, 2, 2, 3], random);
  const chosen = new Set<Fault>();
  while (chosen.size < count) chosen.add(pick(pick(GROUPS, random), random));
  return [...chosen];
}
