/** One round of orders: a new installation, a client, faults, recovery, and the check. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../../src/populate/random.ts';
import { between } from '../fault.ts';
import { playRound } from '../played-round.ts';
import { firstEnvOf, injectAll } from '../staged-fault.ts';
import type { RoundKind, StagedResult, StagedRound } from '../staged-rounds.ts';
import type { RoundOptions } from '../stage.ts';
import { checkOrders, type OrdersVerdict } from './order-checker.ts';
import { planOrders, sendOrders } from './order-client.ts';
import { ORDER_FAULTS } from './order-faults.ts';
import { openOrderStage } from './order-stage.ts';

const ORDERS = 50;

export const ORDER_ROUNDS: RoundKind = {
  name: 'orders',
  ...ORDER_FAULTS,
  run: runOrderRound,
  ciRounds: [
    { seed: 1, faults: ['crash-enricher-handled', 'net-rabbitmq-reply-lost'] },
    { seed: 2, faults: ['processor-kill', 'redis-kill'] },
  ],
};

async function runOrderRound(
  { seed, faults: names }: StagedRound,
  options: RoundOptions,
): Promise<StagedResult<OrdersVerdict>> {
  const faults = ORDER_FAULTS.chooseFaults(names, seed);
  const played = await playRound(
    options.directory,
    () => openOrderStage({ ...options, seed, firstEnv: firstEnvOf(faults, seed) }),
    async (stage, log) => {
      const intents = planOrders(createRandom(seed + 1), ORDERS);
      const durationMs = between(1_500, 3_500, createRandom(seed + 2));
      const url = stage.clientProxy.url.replace(/\/$/, '');
      const random = createRandom(seed + 3);
      const sending = sendOrders(intents, { url, durationMs, random }).catch((error: unknown) =>
        log.complaints.push(String(error)),
      );
      await injectAll(faults, stage, { seed, durationMs, log });
      await stage.heal();
      await sending;
      await stage.settle(log.complaints);
      const left = await stage.left();
      const verdict = checkOrders(intents, left);
      log.complaints.push(...verdict.complaints);
      const file = join(options.directory, 'left.json');
      writeFileSync(file, JSON.stringify({ intents, left }, null, 1));
      return verdict;
    },
  );
  return { seed, faults: faults.map(({ name }) => name), ...played };
}
