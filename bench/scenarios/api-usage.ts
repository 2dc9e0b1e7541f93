import { Client } from 'pg';
import { startBenchApi } from '../api-process.ts';
import { fillApiRows } from '../api-rows.ts';
import { watchCpu } from '../cpu.ts';
import type { HttpConnection } from '../http-connection.ts';
import { createInstallation } from '../installation.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { seedSums } from '../seed-sums.ts';
import { quantile } from '../statistics.ts';
import { API_BASE } from '../../src/http/api-base.ts';
import { NOTHING_HELD } from '../../src/usage/fold-held.ts';
import type { UsageQuery } from '../../src/usage/usage.ts';
import { usageStatement } from '../../src/usage/usage-query.ts';

const TENANT = 'tenant-000007';
const DAYS_MS = 31 * 86_400_000;
/** Sums that wait in Redis; 200 of them belong to the tenant. */
const LIVE_KEYS = 20_000;
/** The first requests include compilation. An API in service is past that. */
const WARM_UP_TIMES = 5;

/** What an exact, live answer costs on top of Postgres: HTTP, reading Redis, the scope, the snapshot. */
export const apiUsage: Scenario = {
  name: 'api-usage',
  measured: 'p99 of a month by day for one tenant at 10,000,000 rows, 20,000 sums live',
  against: 'the same SQL on the rows through pg alone',
  unit: 'ms',
  judgement: 'ratio at most',
  mustReach: 2,
  aim: 1.3,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const { pool, databaseUrl } = installation;
    const timeMs = Date.parse(context.timestamp);
    const rowCount = context.quick ? 500_000 : 10_000_000;
    await fillApiRows(pool, { rowCount, timeMs, tell: context.tell });
    await seedSums(installation, { keyCount: LIVE_KEYS, timeMs });
    const { api, connect } = await startBenchApi(context, installation);
    const http = await connect();
    const client = new Client({ connectionString: databaseUrl, options: '-c TimeZone=UTC' });
    // Without a listener, servers that end first would end this process.
    client.on('error', () => undefined);
    await client.connect();
    const query = monthByDay(timeMs);
    const { text, values } = usageStatement(query, NOTHING_HELD);
    let times = 0;
    return {
      prepare(warmUp) {
        times = (context.quick ? 50 : 200) * (warmUp ? WARM_UP_TIMES : 1);
        return Promise.resolve();
      },
      product: () => measure(context, { pid: api.pid, times }, () => http.get(pathOf(query))),
      reference: () =>
        measure(context, { pid: process.pid, times }, () => client.query(text, values)),
      verify: () => verify(client, http, query),
      async close() {
        http.close();
        await client.end();
        await api.close();
        await installation.close();
      },
    };
  },
};

const startOfHour = (ms: number): number => Math.floor(ms / 3_600_000) * 3_600_000;

function monthByDay(timeMs: number): UsageQuery {
  return {
    window: 'day',
    tz: 'UTC',
    groups: ['use_unity'],
    tenants: [TENANT],
    fromMs: startOfHour(timeMs - DAYS_MS),
    toMs: startOfHour(timeMs + 86_400_000),
    order: 'asc',
    limit: 1_000,
    live: true,
  };
}

function pathOf({ fromMs = 0, toMs = 0 }: UsageQuery): string {
  const search = new URLSearchParams({
    window: 'day',
    tenant: TENANT,
    limit: '1000',
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
  });
  return `${API_BASE}/usage?${search.toString()}`;
}

async function measure(
  { servers }: BenchContext,
  { pid, times }: { pid: number; times: number },
  ask: () => Promise<unknown>,
): Promise<Measured> {
  const endCpu = watchCpu({ ...servers.cpuRoots, node: pid });
  const timesMs: number[] = [];
  for (let index = 0; index < times; index++) {
    const startedMs = performance.now();
    await ask();
    timesMs.push(performance.now() - startedMs);
  }
  const details = { p50_ms: quantile(timesMs, 0.5), p99_ms: quantile(timesMs, 0.99) };
  return { value: details.p99_ms, cpuUs: endCpu(), pulseCount: times, details };
}

/** Checks that the answer is the sum of the tenant's rows and of the live sums, added up in another way. */
async function verify(client: Client, http: HttpConnection, query: UsageQuery): Promise<void> {
  const { data, pending } = JSON.parse(await http.get(pathOf(query))) as {
    data: { used_amount: string; pulse_count: number }[];
    pending: number;
  };
  const { rows } = await client.query<{ milli: string; pulses: string }>(
    `SELECT (sum(used_amount) * 1000)::bigint::text AS milli, sum(pulse_count)::text AS pulses
     FROM pulses WHERE tenant = $1 AND window_start >= $2 AND window_start < $3`,
    [TENANT, new Date(query.fromMs ?? 0), new Date(query.toMs ?? 0)],
  );
  const liveKeys = 200;
  const expected = {
    milli: Number(rows[0]?.milli) + liveKeys * 1_001,
    pulses: Number(rows[0]?.pulses) + liveKeys,
    pending: liveKeys,
  };
  const found = {
    milli: data.reduce((sum, row) => sum + Math.round(Number(row.used_amount) * 1000), 0),
    pulses: data.reduce((sum, row) => sum + row.pulse_count, 0),
    pending,
  };
  if (JSON.stringify(found) === JSON.stringify(expected)) return;
  throw new Error(`The API answers ${JSON.stringify(found)}, not ${JSON.stringify(expected)}.`);
}
