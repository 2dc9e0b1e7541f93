import type { Pool } from 'pg';
import { sleep } from '../../src/platform/backoff.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import { startChild, type BenchChild } from '../child-process.ts';
import { nowMs } from '../clock.ts';
import { watchCpu } from '../cpu.ts';
import { eventBodies, registerFakes, type EventsRound } from '../events-traffic.ts';
import { createInstallation, pulseEnv, type Installation } from '../installation.ts';
import type { InsertMessagesOrder } from '../processes/insert-messages.ts';
import { startPulseProcess, type PulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';

const STALLED_MS = 60_000;
const POLL_MS = 20;

/** What validating, numbering and storing events once costs on top of their insert. */
export const events: Scenario = {
  name: 'events',
  measured: 'events/s stored from the queue by one processor, 100 clients',
  against: 'plain pg inserting the same rows, 500 a statement, over one connection',
  unit: 'events/s',
  judgement: 'ratio at least',
  mustReach: 0.5,
  aim: 0.7,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const bare = await createInstallation(context);
    for (const { pool } of [installation, bare]) await registerFakes(pool);
    const processor = await startProcessor(context, installation);
    const child: BenchChild<InsertMessagesOrder> = startChild('insert-messages');
    await child.ask({ kind: 'open', url: bare.databaseUrl });
    let total = 0;
    let round: EventsRound = { seed: 0, count: 0 };
    return {
      async prepare(warmUp) {
        const count = warmUp ? 6_000 : context.quick ? 12_000 : 60_000;
        round = { seed: context.nextNumber(), count };
        total += count;
        processor.signal('SIGSTOP');
        await fill(context, installation, round);
        await child.ask({ kind: 'make', ...round });
      },
      product: () => measureProduct({ context, installation, processor }, { ...round, total }),
      async reference() {
        await context.servers.rest();
        const endCpu = watchCpu({ ...context.servers.cpuRoots, node: child.pid });
        const seconds = (await child.ask({ kind: 'insert' })) as number;
        const { count } = round;
        return {
          value: count / seconds,
          cpuUs: endCpu(),
          pulseCount: count,
          details: { seconds },
        };
      },
      async verify() {
        for (const { pool } of [installation, bare]) await expectMessages(pool, total);
      },
      async close() {
        await child.close();
        await processor.close();
        await installation.close();
        await bare.close();
      },
    };
  },
};

function startProcessor(
  { servers, profileDirectory }: BenchContext,
  { queue, redisUrl, databaseUrl }: Installation,
): Promise<PulseProcess> {
  const { rabbitmqUrl } = servers;
  const env = pulseEnv({ rabbitmqUrl, redisUrl, databaseUrl, queue });
  return startPulseProcess({ command: 'processor', env, profileDirectory });
}

async function fill(
  { servers, logger }: BenchContext,
  { queue }: Installation,
  round: EventsRound,
): Promise<void> {
  const publisher = createPublisher({ url: servers.rabbitmqUrl, logger });
  const target = { exchange: `${queue}.events`, routingKey: 'event' };
  await Promise.all(eventBodies(round).map((body) => publisher.publish({ ...target, body })));
  await publisher.close();
}

interface Parts {
  readonly context: BenchContext;
  readonly installation: Installation;
  readonly processor: PulseProcess;
}

/** The rate is Postgres' own: from when the first batch was stored to when the last one was. */
async function measureProduct(
  { context, installation, processor }: Parts,
  { seed, count, total }: EventsRound & { readonly total: number },
): Promise<Measured> {
  const { servers } = context;
  const { pool } = installation;
  await servers.rest();
  const endCpu = watchCpu({ ...servers.cpuRoots, node: processor.pid });
  processor.signal('SIGCONT');
  await untilStored(pool, total);
  const cpuUs = endCpu();
  const { rows } = await pool.query<{ stored: number; seconds: number; batches: number }>(
    `SELECT count(*) FILTER (WHERE stored_at < last)::int AS stored,
       extract(epoch FROM last - first)::float AS seconds, count(DISTINCT stored_at)::int AS batches
     FROM (
       SELECT stored_at, min(stored_at) OVER () AS first, max(stored_at) OVER () AS last
       FROM messages WHERE id LIKE $1
     ) AS of_round GROUP BY first, last`,
    [`fake-${seed}-%`],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('No event was stored.');
  const { stored, seconds, batches } = row;
  return {
    value: stored / seconds,
    cpuUs,
    pulseCount: count,
    details: { seconds, events_per_batch: count / batches },
  };
}

/** Reads little, because it takes part in the measurement. @throws Error when nothing is stored for a minute. */
async function untilStored(pool: Pool, total: number): Promise<void> {
  let [known, movedMs] = [0, nowMs()];
  for (;;) {
    const { rows } = await pool.query<{ stored: number | null }>(
      'SELECT sum(last_number)::int AS stored FROM message_numbers',
    );
    const stored = rows[0]?.stored ?? 0;
    if (stored >= total) return;
    if (stored !== known) [known, movedMs] = [stored, nowMs()];
    if (nowMs() - movedMs > STALLED_MS) {
      throw new Error(`Only ${stored} of ${total} events are stored.`);
    }
    await sleep(POLL_MS);
  }
}

/** @throws Error when there are others, or a client's numbers have a gap. */
async function expectMessages(pool: Pool, count: number): Promise<void> {
  const { rows } = await pool.query<{ total: number; gapless: boolean }>(
    `SELECT sum(of_client)::int AS total, bool_and(of_client = last) AS gapless FROM (
       SELECT count(DISTINCT number) AS of_client, max(number) AS last FROM messages GROUP BY client
     ) AS clients`,
  );
  const [found] = rows;
  if (found?.total === count && found.gapless) return;
  throw new Error(`There are ${JSON.stringify(found)} messages, not ${count} without a gap.`);
}
