/** Fills queues before the clock starts. */
import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import { declareTopologyAt } from '../src/platform/topology.ts';
import { startChild, type BenchChild } from './child-process.ts';
import type { PublishAnswer, PublishOrder } from './processes/publish.ts';
import type { BenchContext } from './scenario.ts';
import type { Traffic } from './traffic.ts';

export interface Filler {
  /** Publishes the traffic; resolves when all of it is confirmed. @returns The bytes of all bodies. */
  fill(traffic: Traffic): Promise<number>;
  close(): Promise<void>;
}

/** How the traffic differs from scenario to scenario. */
export type TrafficShape = Pick<Traffic, 'keyCount' | 'distribution'> & {
  readonly pulsesPerMessage?: number;
  readonly sentinelEvery?: number;
};

/** Unconfirmed publications while filling; affects only the time to fill. */
const FILL_WINDOW = 2_000;

/** New traffic of a shape: all in the current hour, with ids that were never used. */
export function newTraffic(
  { nextNumber, timestamp }: BenchContext,
  shape: TrafficShape,
  pulseCount: number,
): Traffic {
  const hex = randomBytes(12).toString('hex');
  return {
    pulsesPerMessage: 1,
    ...shape,
    seed: nextNumber(),
    pulseCount,
    idPrefix: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-`,
    timestamp,
  };
}

/** Starts Pulse's own publisher in a separate process, for the exchange of that name. */
export async function openFiller(context: BenchContext, exchange: string): Promise<Filler> {
  const child: BenchChild<PublishOrder> = startChild('publish');
  const url = context.servers.rabbitmqUrl;
  await child.ask({ kind: 'open', url, exchange, publisher: 'pulse', window: FILL_WINDOW });
  return {
    async fill(traffic) {
      const answer = (await child.ask({ kind: 'publish', traffic })) as PublishAnswer;
      const expected = Math.ceil(traffic.pulseCount / traffic.pulsesPerMessage);
      if (answer.confirmedCount !== expected) {
        throw new Error(`${answer.confirmedCount} of ${expected} publications were confirmed.`);
      }
      return answer.bodyBytes;
    },
    close: () => child.close(),
  };
}

/** Declares a second queue like the product's; with `from`, it also receives the messages of that exchange. */
export async function declareTwin(
  context: BenchContext,
  queue: string,
  from: string | undefined,
): Promise<void> {
  const { rabbitmqUrl } = context.servers;
  await declareTopologyAt(rabbitmqUrl, queue);
  if (from === undefined) return;
  const connection = await connect(rabbitmqUrl);
  try {
    const channel = await connection.createChannel();
    await channel.bindQueue(queue, from, from);
  } finally {
    await connection.close();
  }
}
