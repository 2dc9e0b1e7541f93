import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { to as copyTo } from 'pg-copy-streams';
import { fillApiRows } from '../api-rows.ts';
import { residentMib, watchCpu } from '../cpu.ts';
import { createInstallation, pulseEnv, type Installation } from '../installation.ts';
import { startPulseProcess, type PulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { copyStatement } from '../../src/exports/copy-statement.ts';
import type { Export } from '../../src/exports/exports.ts';
import { insertExport, readExport, readNow } from '../../src/exports/exports-query.ts';
import { readFileFacts } from '../../src/exports/verify-file.ts';
import { HOUR_SECONDS } from '../../src/core/window.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { pulsesReport } from '../../src/usage/pulses-report.ts';

const MEMORY_MIB_MAX = 150;
/** As docker-compose.yml and the manifests start it. */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=2';
const POLL_MS = 20;
const TIMEOUT_MS = 600_000;

interface Opened {
  readonly context: BenchContext;
  readonly installation: Installation;
  readonly exporter: PulseProcess;
  readonly directory: string;
  readonly asOf: Date;
}

/** From the beginning of the first step to the end of the last: sums, file, checksum, manifest. */
export const exportRows: Scenario = {
  name: 'export',
  measured: 'rows/s of report pulses as CSV, by one exporter, all steps',
  against: 'COPY (SELECT …) TO STDOUT of the same rows, thrown away',
  unit: 'rows/s',
  judgement: 'ratio at least',
  mustReach: 0.5,
  aim: 0.8,
  conditions: (rounds) => {
    const value = Math.max(...rounds.map(({ product }) => product.details?.resident_mib ?? 0));
    const name = 'resident MiB of the exporter';
    return [{ name, value, atMost: MEMORY_MIB_MAX, passed: value <= MEMORY_MIB_MAX }];
  },
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const rowCount = context.quick ? 500_000 : 10_000_000;
    const timeMs = Date.parse(context.timestamp) - 2 * HOUR_SECONDS * 1000;
    await fillApiRows(installation.pool, { rowCount, timeMs, tell: context.tell });
    const directory = await mkdtemp(join(tmpdir(), 'pulse-bench-'));
    const { rabbitmqUrl } = context.servers;
    const { redisUrl, databaseUrl, queue } = installation;
    const exporter = await startPulseProcess({
      command: 'exporter',
      env: {
        ...pulseEnv({ rabbitmqUrl, redisUrl, databaseUrl, queue }),
        ...{ EXPORT_DIR: directory, EXPORT_QUOTA_BYTES: '1000000000000' },
        NODE_OPTIONS: SMALL_YOUNG_GENERATION,
      },
      profileDirectory: context.profileDirectory,
    });
    const asOf = await readNow(installation.pool);
    const opened = { context, installation, exporter, directory, asOf };
    const made: Export[] = [];
    return {
      prepare: () => Promise.resolve(),
      async product() {
        const { measured, ended } = await measureExport(opened);
        made.push(ended);
        return measured;
      },
      reference: () => measureCopy(opened),
      async verify() {
        const last = made.at(-1);
        if (last?.rowCount !== rowCount) {
          throw new Error(`The file has ${String(last?.rowCount)} of ${rowCount} rows.`);
        }
        const path = join(directory, `${last.id}.${last.fence}.csv`);
        const facts = await readFileFacts(path, last);
        const isRight = facts.rowCount === rowCount && facts.sha256 === last.sha256;
        if (!isRight) throw new Error('The file is not what the export says.');
        await readFile(`${path}.manifest.json`);
      },
      async close() {
        await exporter.close();
        await installation.close();
        await rm(directory, { recursive: true });
      },
    };
  },
};

async function measureExport({ context, installation, exporter, asOf }: Opened) {
  const { pool } = installation;
  await context.servers.rest();
  const endCpu = watchCpu({ ...context.servers.cpuRoots, node: exporter.pid });
  const asked = await insertExport(pool, {
    ...{ id: randomUUID(), scope: 'all', createdBy: 'bench', report: 'pulses', parameters: {} },
    ...{ format: 'csv', gzip: false, spreadsheet: false, asOf },
  });
  const deadlineMs = performance.now() + TIMEOUT_MS;
  let ended: Export | undefined = asked;
  let residentMax = 0;
  while (ended?.state === 'queued' || ended?.state === 'running') {
    if (performance.now() > deadlineMs) throw new Error('The export takes too long.');
    await sleep(POLL_MS);
    residentMax = Math.max(residentMax, residentMib(exporter.pid));
    ended = await readExport(pool, asked.id);
  }
  const cpuUs = endCpu();
  if (ended?.state !== 'ready') throw new Error(`The export is ${String(ended?.failureDetail)}.`);
  const { steps, rowCount } = ended;
  const at = (text: string | null | undefined) => Date.parse(text ?? '') / 1000;
  const seconds = at(steps.at(-1)?.ended_at) - at(steps[0]?.started_at);
  const count = rowCount ?? 0;
  const measured: Measured = {
    value: count / seconds,
    cpuUs,
    pulseCount: count,
    details: { seconds, resident_mib: residentMax, bytes_per_row: (ended.byteCount ?? 0) / count },
  };
  return { measured, ended };
}

async function measureCopy({ context, installation, asOf }: Opened): Promise<Measured> {
  const client = { query: installation.pool.query.bind(installation.pool) };
  const question = await pulsesReport.ask(
    {},
    { client, scope: 'all', asOf, windowSeconds: HOUR_SECONDS },
  );
  const sql = copyStatement(question, { format: 'csv', spreadsheet: false });
  await context.servers.rest();
  const endCpu = watchCpu({ ...context.servers.cpuRoots, node: process.pid });
  const startedMs = performance.now();
  const rowCount = await withTransaction(installation.pool, async (transaction) => {
    const copy = Object.assign(copyTo(sql), { query_timeout: TIMEOUT_MS });
    const nowhere = new Writable({
      write(_chunk, _encoding, done) {
        done();
      },
    });
    await pipeline(transaction.query(copy), nowhere);
    (copy as { callback?: () => void }).callback?.();
    return copy.rowCount;
  });
  const seconds = (performance.now() - startedMs) / 1000;
  const cpuUs = endCpu();
  return { value: rowCount / seconds, cpuUs, pulseCount: rowCount, details: { seconds } };
}
