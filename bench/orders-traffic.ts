/** What the scenarios with orders share: a catalogue, callers that order, and processes that handle the orders. */
import type { Pool } from 'pg';
import { API_BASE } from '../src/http/api-base.ts';
import { sleep } from '../src/platform/backoff.ts';
import { nowMs } from './clock.ts';
import type { HttpConnection } from './http-connection.ts';
import { pulseEnv, type Installation } from './installation.ts';
import { startPulseProcess, type PulseProcess } from './pulse-process.ts';
import type { BenchContext } from './scenario.ts';

export const CUSTOMER = 'bench-customer';
export const SKU = 'bench-sku';
const STALLED_MS = 60_000;
const POLL_MS = 20;

export async function addOffer(pool: Pool): Promise<void> {
  await pool.query(`INSERT INTO customers (id, name) VALUES ($1, 'Bench')`, [CUSTOMER]);
  await pool.query(`INSERT INTO products (sku, name, unit) VALUES ($1, 'Thing', 'count')`, [SKU]);
  await pool.query(
    `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
     VALUES ($1, 'USD', 2.5, '2026-01-01', 'bench')`,
    [SKU],
  );
}

/** Starts a processor and an enricher. */
export function startHandlers(
  context: BenchContext,
  installation: Installation,
): Promise<PulseProcess[]> {
  const start = (command: 'processor' | 'enricher') => startHandler(context, installation, command);
  return Promise.all([start('processor'), start('enricher')]);
}

async function startHandler(
  { servers, profileDirectory }: BenchContext,
  { queue, redisUrl, databaseUrl }: Installation,
  command: 'processor' | 'enricher',
): Promise<PulseProcess> {
  const { rabbitmqUrl } = servers;
  const env = pulseEnv({ rabbitmqUrl, redisUrl, databaseUrl, queue });
  return await startPulseProcess({ command, env, profileDirectory });
}

/** Opens connections for one round: those that were idle for longer than the API allows are closed by it. */
export function openCallers(
  connect: () => Promise<HttpConnection>,
  count: number,
): Promise<HttpConnection[]> {
  return Promise.all(Array.from({ length: count }, connect));
}

/**
 * Sends orders over all connections at once, as fast as they are answered, and closes them.
 *
 * @param isDone Checked before each order.
 */
export async function postOrders(
  connections: readonly HttpConnection[],
  isDone: (postedCount: number) => boolean,
) {
  const body = { customer_id: CUSTOMER, currency: 'USD', items: [{ sku: SKU, qty: 2 }] };
  const ids: string[] = [];
  const timesMs: number[] = [];
  let postedCount = 0;
  const postSome = async (connection: HttpConnection): Promise<void> => {
    while (!isDone(postedCount++)) {
      const startedMs = performance.now();
      const answer = await connection.post(`${API_BASE}/orders`, body);
      timesMs.push(performance.now() - startedMs);
      ids.push((JSON.parse(answer) as { order_id: string }).order_id);
    }
  };
  await Promise.all(connections.map(postSome));
  for (const connection of connections) connection.close();
  return { ids, timesMs };
}

/** @throws Error when nothing completes for a minute. */
export async function untilCompleted(pool: Pool, total: number): Promise<void> {
  let [known, movedMs] = [0, nowMs()];
  for (;;) {
    const completed = await countOrders(pool, 'completed');
    if (completed >= total) return;
    if (completed !== known) [known, movedMs] = [completed, nowMs()];
    if (nowMs() - movedMs > STALLED_MS) {
      throw new Error(`Only ${completed} of ${total} orders are completed.`);
    }
    await sleep(POLL_MS);
  }
}

export async function countOrders(pool: Pool, status: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    'SELECT count(*)::int FROM orders WHERE status = $1',
    [status],
  );
  return rows[0]?.count ?? 0;
}
