import { Client } from 'pg';
import {
  apiRequests,
  listenToStatements,
  replay,
  type ApiRequest,
  type Statement,
} from '../api-requests.ts';
import { startBenchApi } from '../api-process.ts';
import { fillApiRows } from '../api-rows.ts';
import { watchCpu } from '../cpu.ts';
import type { HttpConnection } from '../http-connection.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { quantile } from '../statistics.ts';

/** The p99 of the first few thousand requests includes compilation. An API in service is past that. */
const WARM_UP_TIMES = 5;

/** What the API adds to Postgres: HTTP, token check, validation and serialisation. The worst kind of request counts. */
export const apiPage: Scenario = {
  name: 'api-page',
  measured:
    'slowest p99 of pages: first, middle, deep, filtered, by cursor, and of one row, at 10,000,000 rows',
  against: 'the same statements through pg alone; the ratio is that of the kind that does worst',
  unit: 'ms',
  judgement: 'ratio at most',
  mustReach: 3,
  aim: 1.5,
  ratioOf: worstRatio,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const rowCount = context.quick ? 500_000 : 10_000_000;
    const { pool, databaseUrl } = installation;
    await fillApiRows(pool, {
      rowCount,
      timeMs: Date.parse(context.timestamp),
      tell: context.tell,
    });
    const requests = apiRequests(rowCount, { untilMs: Date.parse(context.timestamp) });
    const { api, connect } = await startBenchApi(context, installation);
    const http = await connect();
    const statements = new Map<string, Statement[]>();
    for (const { name, read } of requests) {
      statements.set(name, await listenToStatements(pool, read));
    }
    const client = new Client({ connectionString: databaseUrl });
    // Without a listener, servers that end first would end this process.
    client.on('error', () => undefined);
    await client.connect();
    let timesEach = 1;
    return {
      prepare(warmUp) {
        timesEach = warmUp ? WARM_UP_TIMES : 1;
        return Promise.resolve();
      },
      product: () =>
        measure(context, { pid: api.pid, requests, timesEach, send: ({ path }) => http.get(path) }),
      reference: () =>
        measure(context, {
          pid: process.pid,
          requests,
          timesEach,
          send: ({ name }) => replay(client, statements.get(name) ?? []),
        }),
      verify: () => verify(installation, requests, http),
      async close() {
        http.close();
        await client.end();
        await api.close();
        await installation.close();
      },
    };
  },
};

async function measure(
  { servers }: BenchContext,
  side: {
    pid: number;
    requests: readonly ApiRequest[];
    timesEach: number;
    send: (request: ApiRequest) => Promise<unknown>;
  },
): Promise<Measured> {
  const details: Record<string, number> = {};
  const endCpu = watchCpu({ ...servers.cpuRoots, node: side.pid });
  let requestCount = 0;
  for (const request of side.requests) {
    const timesMs: number[] = [];
    const times = request.times * side.timesEach;
    for (let index = 0; index < times; index++) {
      const startedMs = performance.now();
      await side.send(request);
      timesMs.push(performance.now() - startedMs);
    }
    requestCount += times;
    details[`${request.name}_p50_ms`] = quantile(timesMs, 0.5);
    details[`${request.name}_p99_ms`] = quantile(timesMs, 0.99);
  }
  const p99s = Object.entries(details).filter(([name]) => name.endsWith('_p99_ms'));
  const value = Math.max(...p99s.map(([, ms]) => ms));
  return { value, cpuUs: endCpu(), pulseCount: requestCount, details };
}

function worstRatio(product: Measured, reference: Measured): number {
  const ratios = Object.entries(product.details ?? {})
    .filter(([name]) => name.endsWith('_p99_ms'))
    .map(([name, ms]) => ms / (reference.details?.[name] ?? ms));
  return Math.max(...ratios);
}

/** Checks that the API answers what the query functions read. */
async function verify(
  { pool }: Installation,
  requests: readonly ApiRequest[],
  http: HttpConnection,
): Promise<void> {
  for (const { name, path, read } of requests) {
    const answered = JSON.parse(await http.get(path)) as Record<string, unknown>;
    const expected = (await read(pool)) as Record<string, unknown>;
    const [ours, theirs] =
      'rows' in expected
        ? [
            [answered.data, answered.total, answered.next],
            [expected.rows, expected.total, expected.next],
          ]
        : [answered, expected];
    if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
      throw new Error(`${name}: the API answers ${JSON.stringify(answered).slice(0, 300)}.`);
    }
  }
}
