import type { Pool } from 'pg';
import { API_BASE } from '../../src/http/api-base.ts';
import { startBenchApi } from '../api-process.ts';
import { startChild, type BenchChild } from '../child-process.ts';
import { nowMs } from '../clock.ts';
import { watchCpu } from '../cpu.ts';
import type { HttpConnection } from '../http-connection.ts';
import { createInstallation, type Installation } from '../installation.ts';
import {
  addOffer,
  countOrders,
  CUSTOMER,
  openCallers,
  postOrders,
  SKU,
  startHandlers,
  untilCompleted,
} from '../orders-traffic.ts';
import type { InsertOrdersOrder } from '../processes/insert-orders.ts';
import type { PulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { quantile } from '../statistics.ts';

const CONCURRENCY = 32;
/** As many connections as the API's own pool. */
const CONNECTIONS = 10;
const READS = 2_000;

/** What POST /orders costs on top of its inserts, how fast orders complete, and how long a caller waits. */
export const orders: Scenario = {
  name: 'orders',
  measured: `orders/s accepted over ${CONCURRENCY} connections, relayed meanwhile`,
  against: 'the same inserts by plain pg in one process',
  unit: 'orders/s',
  judgement: 'ratio at least',
  mustReach: 0.5,
  aim: 0.8,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const bare = await createInstallation(context);
    for (const { pool } of [installation, bare]) await addOffer(pool);
    const { api, connect } = await startBenchApi(context, installation);
    const handlers = await startHandlers(context, installation);
    const child: BenchChild<InsertOrdersOrder> = startChild('insert-orders');
    await child.ask({ kind: 'open', url: bare.databaseUrl, connections: CONNECTIONS });
    const parts = { context, installation, bare, api, connect, handlers, child };
    const totals = { product: 0, reference: 0 };
    let count = 0;
    return {
      prepare(warmUp) {
        count = context.quick || warmUp ? 1_000 : 10_000;
        return Promise.resolve();
      },
      async product() {
        totals.product += count;
        return await measureProduct(parts, { count, total: totals.product });
      },
      async reference() {
        totals.reference += count;
        return await measureReference(parts, count);
      },
      async verify() {
        await expectOrders(installation.pool, { status: 'completed', count: totals.product });
        await expectOrders(bare.pool, { status: 'pending', count: totals.reference });
      },
      async close() {
        await child.close();
        await Promise.all([...handlers, api].map((process) => process.close()));
        await installation.close();
        await bare.close();
      },
    };
  },
};

interface Parts {
  readonly context: BenchContext;
  readonly installation: Installation;
  readonly bare: Installation;
  readonly api: PulseProcess;
  readonly connect: () => Promise<HttpConnection>;
  readonly handlers: readonly PulseProcess[];
  readonly child: BenchChild<InsertOrdersOrder>;
}

/** Measures accepting alone, like the reference; then resumes the handlers; then reads the orders. */
async function measureProduct(
  { context, installation, api, connect, handlers }: Parts,
  { count, total }: { readonly count: number; readonly total: number },
): Promise<Measured> {
  const { servers } = context;
  const connections = await openCallers(connect, CONCURRENCY);
  for (const handler of handlers) handler.signal('SIGSTOP');
  await servers.rest();
  const endCpu = watchCpu({ ...servers.cpuRoots, node: api.pid });
  const startedMs = nowMs();
  const { ids, timesMs } = await postOrders(connections, (posted) => posted >= count);
  const seconds = (nowMs() - startedMs) / 1000;
  const cpuUs = endCpu();
  for (const handler of handlers) handler.signal('SIGCONT');
  const letGoMs = nowMs();
  await untilCompleted(installation.pool, total);
  const completingSeconds = (nowMs() - letGoMs) / 1000;
  const http = await connect();
  const readMs = await readTwice(http, ids.slice(0, READS));
  http.close();
  return {
    value: count / seconds,
    cpuUs,
    pulseCount: count,
    details: {
      seconds,
      completed_per_second: count / completingSeconds,
      post_p99_ms: quantile(timesMs, 0.99),
      cached_get_p99_ms: quantile(readMs, 0.99),
    },
  };
}

async function measureReference({ context, child }: Parts, count: number): Promise<Measured> {
  const { servers } = context;
  await servers.rest();
  const endCpu = watchCpu({ ...servers.cpuRoots, node: child.pid });
  const order = { count, concurrency: CONCURRENCY, customerId: CUSTOMER, sku: SKU };
  const seconds = (await child.ask({ kind: 'insert', ...order })) as number;
  return { value: count / seconds, cpuUs: endCpu(), pulseCount: count, details: { seconds } };
}

/** @returns The times of the second reads, which the cache answers. */
async function readTwice(http: HttpConnection, ids: readonly string[]): Promise<number[]> {
  for (const id of ids) await http.get(`${API_BASE}/orders/${id}`);
  const timesMs: number[] = [];
  for (const id of ids) {
    const startedMs = performance.now();
    await http.get(`${API_BASE}/orders/${id}`);
    timesMs.push(performance.now() - startedMs);
  }
  return timesMs;
}

/** @throws Error when other orders exist. */
async function expectOrders(
  pool: Pool,
  { status, count }: { readonly status: string; readonly count: number },
): Promise<void> {
  const { rows } = await pool.query<{ total: number }>('SELECT count(*)::int AS total FROM orders');
  const found = { total: rows[0]?.total, [status]: await countOrders(pool, status) };
  if (found.total === count && found[status] === count) return;
  throw new Error(`There are ${JSON.stringify(found)} orders, not ${count} ${status}.`);
}
