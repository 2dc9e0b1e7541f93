import { connect } from 'amqplib';
import { newTraffic } from '../backlog.ts';
import { startChild, type BenchChild } from '../child-process.ts';
import { watchCpu } from '../cpu.ts';
import { createInstallation, type Installation } from '../installation.ts';
import type { PublishAnswer, PublishOrder } from '../processes/publish.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';

const WINDOW = 1_000;

/** What Pulse's publisher adds to confirms: a limit, returns, timeouts, reconnects. */
export const publish: Scenario = {
  name: 'publish',
  measured: `confirmed pulses/s of Pulse's publisher, window ${WINDOW}`,
  against: 'bare amqplib confirm channel, same window and properties',
  unit: 'pulses/s',
  judgement: 'ratio at least',
  mustReach: 0.85,
  aim: 1,
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const pulse = await openChild(context, installation, 'pulse');
    const bare = await openChild(context, installation, 'bare');
    let pulseCount = 0;
    return {
      prepare(warmUp) {
        pulseCount = context.quick || warmUp ? 20_000 : 200_000;
        return Promise.resolve();
      },
      product: () => measure(context, installation, pulse, pulseCount),
      reference: () => measure(context, installation, bare, pulseCount),
      // Each round has counted the messages in the queue.
      verify: () => Promise.resolve(),
      async close() {
        await Promise.all([pulse.close(), bare.close()]);
        await installation.close();
      },
    };
  },
};

async function openChild(
  { servers }: BenchContext,
  { queue }: Installation,
  publisher: 'pulse' | 'bare',
): Promise<BenchChild<PublishOrder>> {
  const child: BenchChild<PublishOrder> = startChild('publish');
  const { rabbitmqUrl: url } = servers;
  await child.ask({ kind: 'open', url, exchange: queue, publisher, window: WINDOW });
  return child;
}

async function measure(
  context: BenchContext,
  { queue }: Installation,
  child: BenchChild<PublishOrder>,
  pulseCount: number,
): Promise<Measured> {
  const { servers } = context;
  const shape = { keyCount: 20_000, distribution: 'uniform' } as const;
  const traffic = newTraffic(context, shape, pulseCount);
  await child.ask({ kind: 'make', traffic });
  await servers.rest();
  const endCpu = watchCpu({ ...servers.cpuRoots, node: child.pid });
  const { seconds, confirmedCount } = (await child.ask({
    kind: 'publish',
    traffic,
  })) as PublishAnswer;
  const cpuUs = endCpu();
  const queued = await emptyQueue(servers.rabbitmqUrl, queue);
  if (confirmedCount !== pulseCount || queued !== pulseCount) {
    throw new Error(
      `Of ${pulseCount} pulses, ${confirmedCount} were confirmed and ${queued} are queued.`,
    );
  }
  return { value: pulseCount / seconds, cpuUs, pulseCount, details: { seconds } };
}

async function emptyQueue(url: string, queue: string): Promise<number> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    return (await channel.purgeQueue(queue)).messageCount;
  } finally {
    await connection.close();
  }
}
