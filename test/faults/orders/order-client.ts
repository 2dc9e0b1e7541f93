/** The client of a round. Each of its orders has a different customer, so that every stored order can be traced back. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../../src/populate/random.ts';
import { TOKEN } from '../api-client.ts';
import { between, pick } from '../fault.ts';
import { FLAKY_SKU, REFUSED_SKU } from './enrichment-server.ts';

/** The price of each SKU, in thousandths, the smallest step of a price. */
export const PRICES: Readonly<Record<string, bigint>> = {
  one: 1_250n,
  two: 333n,
  three: 99_999n,
  [FLAKY_SKU]: 5_000n,
  [REFUSED_SKU]: 7_000n,
};
export const UNKNOWN_SKU = 'unknown';
const USUAL_SKUS = ['one', 'two', 'three'];

/** What the client wants to order, and which answers it got. */
export interface Intent {
  readonly customerId: string;
  readonly isKnownCustomer: boolean;
  readonly items: readonly { readonly sku: string; readonly qty: number }[];
  /** Undefined: sent once, whatever the result. */
  readonly key: string | undefined;
  /** The `order_id` of every 202. */
  readonly accepted: string[];
}

export function planOrders(random: Random, count: number): Intent[] {
  return Array.from({ length: count }, (_, index) => {
    const skus = new Set([pick(USUAL_SKUS, random), pick(USUAL_SKUS, random)]);
    const chance = random.below(20);
    if (chance < 2) skus.add(FLAKY_SKU);
    else if (chance === 2) skus.add(REFUSED_SKU);
    else if (chance === 3) skus.add(UNKNOWN_SKU);
    const isKnownCustomer = chance !== 4;
    return {
      customerId: `${isKnownCustomer ? 'customer' : 'nobody'}-${index}`,
      isKnownCustomer,
      items: [...skus].map((sku) => ({ sku, qty: between(1, 9, random) })),
      key: random.below(4) === 0 ? undefined : `key-${index}`,
      accepted: [],
    };
  });
}

const REQUEST_TIMEOUT_MS = 5_000;
const RETRY_MS = 150;
const SENDERS = 6;

/** Sends all orders. One with a key is sent until it has an answer, and sometimes once more. */
export async function sendOrders(
  intents: readonly Intent[],
  options: { readonly url: string; readonly durationMs: number; readonly random: Random },
): Promise<void> {
  const waiting = [...intents];
  const pauseMs = (options.durationMs * SENDERS) / intents.length;
  const repeats = new Set(intents.filter(() => options.random.below(5) === 0));
  const sender = async (): Promise<void> => {
    for (let intent = waiting.shift(); intent !== undefined; intent = waiting.shift()) {
      await send(intent, options.url);
      if (repeats.has(intent) && intent.key !== undefined) await send(intent, options.url);
      await delay(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

/** @throws RangeError The API refuses a good order. */
async function send(intent: Intent, url: string): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (performance.now() < deadlineMs) {
    const answer = await post(intent, url);
    if (answer?.status === 202) {
      intent.accepted.push(answer.orderId);
      return;
    }
    if (answer !== undefined && answer.status < 500) {
      throw new RangeError(`POST /orders answered ${answer.status}: ${answer.text}`);
    }
    if (intent.key === undefined) return;
    await delay(RETRY_MS);
  }
}

/** @returns Undefined when the connection is lost. */
async function post({ customerId, items, key }: Intent, url: string) {
  try {
    const response = await fetch(`${url}/orders`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      body: JSON.stringify({ customer_id: customerId, items }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const text = await response.text();
    const orderId =
      response.status === 202 ? (JSON.parse(text) as { order_id: string }).order_id : '';
    return { status: response.status, text, orderId };
  } catch {
    return undefined;
  }
}
