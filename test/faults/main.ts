/**
 * `npm run test:faults`: rounds of traffic and faults, each checked down to the last pulse.
 *
 * Exit codes: 0 every round passed, 1 one failed, 2 wrong usage.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS, faultNamed, planRound, type RoundPlan } from './catalogue.ts';
import { DELIVERY_ROUNDS } from './deliveries/delivery-round.ts';
import { startServersOnSmallDisks } from './disk-faults.ts';
import { EXPORT_ROUNDS } from './exports/export-round.ts';
import { NotPossibleError } from './fault.ts';
import { ORDER_ROUNDS } from './orders/order-round.ts';
import { describeRound, summarise } from './report.ts';
import { runRound, type RoundResult } from './round.ts';
import { CI_SELECTION } from './selection.ts';
import {
  runStagedRounds,
  summariseStaged,
  type RoundKind,
  type StagedResult,
} from './staged-rounds.ts';
import { SUBSCRIPTION_ROUNDS } from './subscriptions/subscription-round.ts';
import { startTestServers, type TestServers } from './test-servers.ts';

/** Kinds of rounds beside those of pulses; each has an option of its name. */
const KINDS: readonly RoundKind[] = [
  ORDER_ROUNDS,
  SUBSCRIPTION_ROUNDS,
  DELIVERY_ROUNDS,
  EXPORT_ROUNDS,
];

const HELP = `Breaks Pulse on purpose and checks that no pulse is lost or counted twice.

  npm run test:faults -- [options]

  --seed N         the first round's seed (default: from the clock); round k has seed N + k
  --rounds N       how many rounds (default 10)
  --minutes N      starts no round after this many minutes
  --only NAMES     these faults in every round, separated by commas, instead of the seed's choice
  --orders         rounds of orders instead of pulses
  --subscriptions  rounds of subscriptions instead of pulses
  --deliveries     rounds of events and webhooks instead of pulses
  --exports        rounds of exports instead of pulses
  --selection ci   a fixed list of rounds that takes a few minutes
  --stop-seconds N how long a suspended process stays suspended (default 2; 30 outlasts every heartbeat)
  --pulses N       pulses in one round (default 6000)
  --main PATH      the compiled command line to test (default dist/main.js)
  --keep           keep the intent log and the output of every round, not only of failed ones
  --list           name the faults and exit
`;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (options.help) return print(HELP);
  if (options.list) {
    const listed: RoundKind['faults'] = options.kind?.faults ?? FAULTS;
    return print(listed.map(({ name, about }) => `${name.padEnd(28)} ${about}\n`).join(''));
  }
  const { pulses, staged } = await runRounds(options);
  if (pulses.length > 0) print(`${JSON.stringify(summarise(pulses))}\n`);
  for (const [name, results] of staged) {
    print(`${JSON.stringify(summariseStaged(name, results))}\n`);
  }
  return hasFailed([...pulses, ...[...staged.values()].flat()]) ? 1 : 0;
}

function hasFailed(results: readonly { readonly outcome: string }[]): boolean {
  return results.some(({ outcome }) => outcome === 'failed');
}

type Options = ReturnType<typeof readOptions>;

function readOptions() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      rounds: { type: 'string', default: '10' },
      minutes: { type: 'string' },
      only: { type: 'string' },
      selection: { type: 'string' },
      orders: { type: 'boolean', default: false },
      subscriptions: { type: 'boolean', default: false },
      deliveries: { type: 'boolean', default: false },
      exports: { type: 'boolean', default: false },
      'stop-seconds': { type: 'string', default: '2' },
      pulses: { type: 'string', default: '6000' },
      main: { type: 'string', default: 'dist/main.js' },
      keep: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { selection } = values;
  if (selection !== undefined && selection !== 'ci')
    throw new RangeError('--selection knows "ci".');
  const only = values.only?.split(',');
  const [kind, ...others] = KINDS.filter(({ name }) => values[name as keyof typeof values]);
  if (others.length > 0) throw new RangeError('A run has rounds of one kind.');
  const named = kind?.faultNamed ?? faultNamed;
  for (const name of only ?? []) named(name);
  return {
    only,
    kind,
    keep: values.keep,
    list: values.list,
    help: values.help,
    main: resolve(values.main),
    isSelection: selection !== undefined,
    seed:
      values.seed === undefined ? Math.floor(Date.now() / 1000) % 1_000_000 : whole(values.seed),
    rounds: whole(values.rounds),
    endMs:
      values.minutes === undefined ? Infinity : performance.now() + whole(values.minutes) * 60_000,
    stopMs: whole(values['stop-seconds']) * 1000,
    pulseCount: whole(values.pulses),
  };
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`"${text}" is not a whole number.`);
  return Number(text);
}

/** The kinds that are asked for, and the rounds of each. The selection has all, unless one is asked for. */
function selectStaged({ isSelection, kind, ...options }: Options) {
  const kinds = kind === undefined ? (isSelection ? KINDS : []) : [kind];
  return kinds.map((one) => ({
    kind: one,
    rounds: isSelection ? one.ciRounds : [...seededRounds(options)],
  }));
}

function* seededRounds({ seed, rounds, only }: Pick<Options, 'seed' | 'rounds' | 'only'>) {
  for (let round = 0; round < rounds; round++) yield { seed: seed + round, faults: only };
}

function selectRounds(options: Options): Iterable<{
  readonly seed: number;
  readonly faults: readonly string[] | undefined;
}> {
  if (options.kind !== undefined) return [];
  return options.isSelection ? CI_SELECTION : seededRounds(options);
}

async function runRounds(
  options: Options,
): Promise<{ pulses: RoundResult[]; staged: Map<string, StagedResult[]> }> {
  const directory = resolve('.pulse', `faults-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  const results: RoundResult[] = [];
  const staged = new Map<string, StagedResult[]>();
  let shared: TestServers | undefined;
  let interrupted = false;
  // The current round finishes, so that no server or mount is left behind; a second Ctrl-C does not wait.
  process.once('SIGINT', () => {
    interrupted = true;
  });
  const isOver = (): boolean => interrupted || performance.now() > options.endMs;
  try {
    shared = await startTestServers({ directory: join(directory, 'servers'), keepFiles: false });
    for (const { seed, faults } of selectRounds(options)) {
      if (isOver()) break;
      const plan = planRound(seed, { ...options, only: faults });
      const own = join(directory, `round-${results.length}-seed-${seed}`);
      const result = await runOnServers(plan, shared, {
        main: options.main,
        directory: own,
        redisIndex: 1 + (results.length % 900),
      });
      results.push(result);
      print(`${describeRound(result, options)}\n`);
      if (result.outcome !== 'failed' && !options.keep)
        rmSync(own, { recursive: true, force: true });
      else print(`  kept in ${own}\n`);
    }
    for (const { kind, rounds } of selectStaged(options)) {
      const played = await runStagedRounds(kind, rounds, {
        ...{ main: options.main, directory, servers: shared, keep: options.keep },
        ...{ isOver, print },
      });
      if (played.length > 0) staged.set(kind.name, played);
    }
  } finally {
    await shared?.stop();
  }
  const isKept = options.keep || hasFailed([...results, ...[...staged.values()].flat()]);
  if (!isKept) rmSync(directory, { recursive: true, force: true });
  return { pulses: results, staged };
}

/** A round with small disks gets dedicated servers. */
async function runOnServers(
  plan: RoundPlan,
  shared: TestServers,
  options: { main: string; directory: string; redisIndex: number },
): Promise<RoundResult> {
  if (!plan.faults.some(({ smallDisks }) => smallDisks === true)) {
    return runRound(plan, { ...options, servers: shared });
  }
  let servers: TestServers;
  try {
    servers = await startServersOnSmallDisks(`${options.directory}-disks`);
  } catch (error) {
    if (!(error instanceof NotPossibleError)) throw error;
    const faults = plan.faults.map(({ name }) => name);
    const nothing = { complaints: [], unreached: [], verdict: undefined, seconds: 0 };
    return { ...nothing, seed: plan.seed, faults, outcome: 'impossible', notes: [error.message] };
  }
  try {
    return await runRound(plan, { ...options, servers });
  } finally {
    await servers.stop();
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
