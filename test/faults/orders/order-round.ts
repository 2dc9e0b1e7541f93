/** One round of orders: a new installation, a client, faults, recovery, and the check. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../../src/platform/backoff.ts';
import { createRandom } from '../../../src/populate/random.ts';
import { between } from '../fault.ts';
import { injectFault, playRound, type PlayedRound, type RoundLog } from '../played-round.ts';
import type { Env } from '../pulse-child.ts';
import type { RoundOptions } from '../stage.ts';
import { checkOrders, type OrdersVerdict } from './order-checker.ts';
import { planOrders, sendOrders } from './order-client.ts';
import { chooseOrderFaults, orderFaultNamed, type OrderFault } from './order-faults.ts';
import { openOrderStage, type OrderStage, type Role } from './order-stage.ts';

export interface OrderRoundResult extends PlayedRound<OrdersVerdict> {
  readonly seed: number;
  readonly faults: readonly string[];
}

const ORDERS = 50;

export interface OrderRound {
  readonly seed: number;
  /** Undefined: the seed chooses. */
  readonly faults: readonly string[] | undefined;
}

export async function runOrderRound(
  { seed, faults: names }: OrderRound,
  options: RoundOptions,
): Promise<OrderRoundResult> {
  const faults = names?.map(orderFaultNamed) ?? chooseOrderFaults(createRandom(seed));
  const firstEnv: Partial<Record<Role, Env>> = {};
  for (const { crash } of faults) {
    if (crash !== undefined) firstEnv[crash.role] = crash.env(createRandom(seed + 100));
  }
  const played = await playRound(
    options.directory,
    () => openOrderStage({ ...options, seed, firstEnv }),
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

async function injectAll(
  faults: readonly OrderFault[],
  stage: OrderStage,
  {
    seed,
    durationMs,
    log,
  }: { readonly seed: number; readonly durationMs: number; readonly log: RoundLog },
): Promise<void> {
  await Promise.all(
    faults.map(async (fault, index) => {
      const random = createRandom(seed + 10 + index);
      await sleep(between(100, Math.floor(durationMs * 0.7), random));
      await injectFault(fault.name, () => fault.inject(stage, random), log);
    }),
  );
}
