import { sleep } from '../../src/platform/backoff.ts';
import { newTraffic, openFiller, type Filler } from '../backlog.ts';
import { nowMs } from '../clock.ts';
import { INGEST_SHAPE } from '../drain-pair.ts';
import { waitUntilCounted } from '../ingest-sides.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { PulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { readOlderIds, seedOlderIds } from '../seed-ids.ts';
import { createExpectedSums, type ExpectedSums } from '../traffic.ts';
import { verifySums } from '../verify-sums.ts';

/** How far the first worker gets before it is killed: well into its stride, with a backlog left for the second. */
const COUNTED_BEFORE_KILL = 20_000;

/**
 * How long nothing is counted when a worker dies in the middle of its work and another is started at that moment:
 * the start of the process, its connections, redelivery, and whatever it must know before it may count.
 */
export const takeover: Scenario = {
  name: 'takeover',
  measured: 'from SIGKILL of a worker to the first pulse of the next; 10,000,000 ids remembered',
  against: '',
  unit: 's',
  judgement: 'value at most',
  mustReach: 6,
  aim: 2,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const expected = createExpectedSums(INGEST_SHAPE.keyCount);
    const idCount = context.quick ? 100_000 : 10_000_000;
    await seedOlderIds(context, installation, { idCount, expected });
    const filler = await openFiller(context, installation.queue);
    let worker = await installation.startWorker();
    let pulseCount = 0;
    return {
      async prepare(warmUp) {
        pulseCount = warmUp || context.quick ? 200_000 : 400_000;
        worker.signal('SIGSTOP');
        await fill(context, filler, { pulseCount, expected });
      },
      async product(): Promise<Measured> {
        await context.servers.rest();
        const { seconds, next, details } = await takeOver(installation, worker, pulseCount);
        worker = next;
        return { value: seconds, details };
      },
      verify: () => verifySums(context, installation, expected, { duplicatesAllowed: true }),
      async close() {
        await Promise.all([filler.close(), worker.close()]);
        await installation.close();
      },
    };
  },
};

async function fill(
  context: BenchContext,
  filler: Filler,
  { pulseCount, expected }: { pulseCount: number; expected: ExpectedSums },
): Promise<void> {
  const traffic = newTraffic(context, INGEST_SHAPE, pulseCount);
  await filler.fill(traffic);
  expected.add(traffic);
}

async function takeOver(installation: Installation, worker: PulseProcess, pulseCount: number) {
  const before = await installation.readCounts();
  const connections = await readConnections(installation);
  worker.signal('SIGCONT');
  await waitUntilCounted(installation, before.counted + COUNTED_BEFORE_KILL);
  const killedAtMs = nowMs();
  const killed = worker.kill();
  const starting = installation.startWorker();
  const [, seconds, next] = await Promise.all([
    killed,
    killed.then(async () => {
      await waitUntilGone(installation, connections);
      const { counted } = await installation.readCounts();
      await waitUntilCounted(installation, counted + 1);
      return (nowMs() - killedAtMs) / 1000;
    }),
    starting,
  ]);
  await waitUntilCounted(installation, before.counted + pulseCount);
  const [after, older] = [await installation.readCounts(), await readOlderIds(installation)];
  const details = {
    duplicates: after.duplicates - before.duplicates,
    older_ids: older.idCount,
    older_generations: older.generationCount,
  };
  return { seconds, next, details };
}

/** The ids of all connections of workers to this installation's Redis. */
async function readConnections({ redis, redisUrl }: Installation): Promise<string[]> {
  const list = String(await redis.call('CLIENT', 'LIST'));
  const database = new URL(redisUrl).pathname.slice(1);
  const ofWorkers = list.matchAll(/^id=(\d+) .* name=pulse\S* .* db=(\d+) /gm);
  return Array.from(ofWorkers).flatMap(([, id, db]) => (db === database ? [id ?? ''] : []));
}

/** Until then Redis may still count what the killed worker has sent. */
async function waitUntilGone(
  installation: Installation,
  connections: readonly string[],
): Promise<void> {
  if (connections.length === 0) throw new Error('The worker has no connection to Redis.');
  for (;;) {
    const open = await readConnections(installation);
    if (!connections.some((id) => open.includes(id))) return;
    await sleep(1);
  }
}
