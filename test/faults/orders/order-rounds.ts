/** The rounds of `--orders`, and their report for people and scripts. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestServers } from '../test-servers.ts';
import { runOrderRound, type OrderRound, type OrderRoundResult } from './order-round.ts';

/** The rounds of `--selection ci`. */
export const CI_ORDER_ROUNDS: readonly OrderRound[] = [
  { seed: 1, faults: ['crash-enricher-handled', 'net-rabbitmq-reply-lost'] },
  { seed: 2, faults: ['processor-kill', 'redis-kill'] },
];

/** Runs them one after the other. */
export async function runOrderRounds(
  rounds: Iterable<OrderRound>,
  options: {
    readonly main: string;
    readonly directory: string;
    readonly servers: TestServers;
    readonly keep: boolean;
    readonly isOver: () => boolean;
    readonly print: (text: string) => void;
  },
): Promise<OrderRoundResult[]> {
  const { main, servers, print } = options;
  const results: OrderRoundResult[] = [];
  for (const round of rounds) {
    if (options.isOver()) break;
    const directory = join(options.directory, `orders-${results.length}-seed-${round.seed}`);
    const redisIndex = 901 + (results.length % 90);
    const result = await runOrderRound(round, { main, servers, directory, redisIndex });
    results.push(result);
    print(`${describeOrderRound(result)}\n`);
    if (result.outcome !== 'failed' && !options.keep) {
      rmSync(directory, { recursive: true, force: true });
    } else print(`  kept in ${directory}\n`);
  }
  return results;
}

const MARKS: Record<OrderRoundResult['outcome'], string> = {
  passed: 'ok',
  failed: 'FAILED',
  unreached: 'ok, but a fault was not reached',
};

function describeOrderRound(result: OrderRoundResult): string {
  const { seed, faults, outcome, complaints, notes, verdict, seconds } = result;
  const counts =
    verdict === undefined
      ? 'no counts'
      : `orders ${verdict.orders} accepted ${verdict.accepted} completed ${verdict.completed} ` +
        `failed ${verdict.failed} exhausted ${verdict.exhausted} copies ${verdict.copies}`;
  const lines = [
    `orders seed ${seed}  ${faults.join(' + ')}  ${counts}  ${seconds.toFixed(1)} s  ${MARKS[outcome]}`,
    ...notes.map((note) => `  ${note}`),
    ...complaints.map((complaint) => `  !! ${complaint}`),
  ];
  if (outcome === 'failed') {
    const only = faults.join(',');
    lines.push(
      `  repeat: npm run test:faults -- --orders --seed ${seed} --rounds 1 --only ${only}`,
    );
  }
  return lines.join('\n');
}

/** The last line of the run. */
export function summariseOrders(results: readonly OrderRoundResult[]) {
  const outcomes = { passed: 0, failed: 0, unreached: 0 };
  const orders = { orders: 0, accepted: 0, completed: 0, failed: 0, exhausted: 0, copies: 0 };
  const perFault: Record<string, number> = {};
  for (const { outcome, verdict, faults } of results) {
    outcomes[outcome] += 1;
    for (const name of faults) perFault[name] = (perFault[name] ?? 0) + 1;
    for (const name of Object.keys(orders) as (keyof typeof orders)[]) {
      orders[name] += verdict?.[name] ?? 0;
    }
  }
  const seeds = results.map(({ seed }) => seed);
  const failedSeeds = results.filter(({ outcome }) => outcome === 'failed').map(({ seed }) => seed);
  const ends = { rounds: results.length, seeds: [Math.min(...seeds), Math.max(...seeds)] };
  return { ...ends, ...outcomes, failedSeeds, orders, perFault };
}
