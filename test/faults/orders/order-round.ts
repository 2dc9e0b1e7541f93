/** One round of orders: a fresh installation, a client, faults, healing, quiet, and the check. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../../src/platform/backoff.ts';
import { createRandom } from '../../../src/populate/random.ts';
import { NotReachedError } from '../../support/until.ts';
import { between } from '../fault.ts';
import type { Env } from '../pulse-child.ts';
import type { RoundOptions } from '../stage.ts';
import { checkOrders, type OrdersVerdict } from './order-checker.ts';
import { planOrders, sendOrders } from './order-client.ts';
import { chooseOrderFaults, orderFaultNamed, type OrderFault } from './order-faults.ts';
import { openOrderStage, type OrderStage, type Role } from './order-stage.ts';

export interface OrderRoundResult {
  readonly seed: number;
  readonly faults: readonly string[];
  readonly outcome: 'passed' | 'failed' | 'unreached';
  readonly complaints: readonly string[];
  readonly notes: readonly string[];
  readonly verdict: OrdersVerdict | undefined;
  readonly seconds: number;
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
  const startedMs = performance.now();
  const faults = names?.map(orderFaultNamed) ?? chooseOrderFaults(createRandom(seed));
  const complaints: string[] = [];
  const notes: string[] = [];
  let verdict: OrdersVerdict | undefined;
  let stage: OrderStage | undefined;
  mkdirSync(options.directory, { recursive: true });
  try {
    const firstEnv: Partial<Record<Role, Env>> = {};
    for (const { crash } of faults) {
      if (crash !== undefined) firstEnv[crash.role] = crash.env(createRandom(seed + 100));
    }
    stage = await openOrderStage({ ...options, seed, firstEnv });
    const intents = planOrders(createRandom(seed + 1), ORDERS);
    const durationMs = between(1_500, 3_500, createRandom(seed + 2));
    const url = stage.clientProxy.url.replace(/\/$/, '');
    const sending = sendOrders(intents, { url, durationMs, random: createRandom(seed + 3) }).catch(
      (error: unknown) => complaints.push(String(error)),
    );
    await injectAll(faults, stage, { seed, durationMs, notes, complaints });
    await stage.heal();
    await sending;
    await stage.settle(complaints);
    const left = await stage.left();
    verdict = checkOrders(intents, left);
    complaints.push(...verdict.complaints);
    writeFileSync(join(options.directory, 'left.json'), JSON.stringify({ intents, left }, null, 1));
    await stage.remove();
  } catch (error) {
    complaints.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    notes.push(...(stage?.notes() ?? []));
    stage?.saveOutput(options.directory);
    await stage?.close();
  }
  const unreached = notes.some((note) => note.startsWith('not reached'));
  return {
    seed,
    faults: faults.map(({ name }) => name),
    outcome: complaints.length > 0 ? 'failed' : unreached ? 'unreached' : 'passed',
    complaints,
    notes,
    verdict,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

interface Injecting {
  readonly seed: number;
  readonly durationMs: number;
  readonly notes: string[];
  readonly complaints: string[];
}

async function injectAll(
  faults: readonly OrderFault[],
  stage: OrderStage,
  { seed, durationMs, notes, complaints }: Injecting,
): Promise<void> {
  await Promise.all(
    faults.map(async (fault, index) => {
      const random = createRandom(seed + 10 + index);
      await sleep(between(100, Math.floor(durationMs * 0.7), random));
      try {
        const note = await fault.inject(stage, random);
        if (note !== undefined) notes.push(`${fault.name}: ${note}`);
      } catch (error) {
        if (error instanceof NotReachedError) notes.push(`${error.message} (${fault.name})`);
        else complaints.push(`${fault.name}: ${String(error)}`);
      }
    }),
  );
}
