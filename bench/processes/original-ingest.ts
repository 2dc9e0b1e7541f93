/**
 * The design that Pulse replaces, as specified: deliveries count as done when they are sent (auto-ack), and ten
 * workers each take one, parse it, and add it to a counter of its tenant, SKU and unit with one INCRBY.
 *
 * It guarantees nothing: a crash loses pulses, and a pulse that a producer sends twice is counted twice.
 */
import { connect, type Channel } from 'amqplib';
import { Redis } from 'ioredis';
import { nowMs } from '../clock.ts';
import { answerParent } from './answer-parent.ts';

export type OriginalOrder =
  | {
      readonly kind: 'open';
      readonly rabbitmqUrl: string;
      readonly redisUrl: string;
      readonly queue: string;
    }
  /** Starts consuming; answers when `count` pulses are added. */
  | { readonly kind: 'run'; readonly count: number };

export interface OriginalAnswer {
  readonly doneAtMs: number;
}

const WORKERS = 10;

interface SentPulse {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: number | string;
}

let channel: Channel | undefined;
let redis: Redis | undefined;
let queue = '';

answerParent<OriginalOrder>(async (order) => {
  if (order.kind === 'run') return await run(order.count);
  const connection = await connect(order.rabbitmqUrl, { noDelay: true });
  channel = await connection.createChannel();
  redis = new Redis(order.redisUrl);
  queue = order.queue;
  return null;
});

async function run(count: number): Promise<OriginalAnswer> {
  const arrived: Buffer[] = [];
  const waiting: (() => void)[] = [];
  let taken = 0;
  const consumer = await channel?.consume(
    queue,
    (message) => {
      if (message === null) throw new Error('The broker cancelled the original design.');
      arrived.push(message.content);
      waiting.pop()?.();
    },
    { noAck: true },
  );
  let at = 0;
  const work = async (): Promise<void> => {
    while (taken < count) {
      const body = arrived[at];
      if (body === undefined) {
        await new Promise<void>((resolve) => waiting.push(resolve));
        continue;
      }
      at += 1;
      taken += 1;
      await add(body);
    }
    // Other workers may be waiting for deliveries that will not come.
    for (const wake of waiting.splice(0)) wake();
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  const doneAtMs = nowMs();
  if (consumer !== undefined) await channel?.cancel(consumer.consumerTag);
  return { doneAtMs };
}

/** INCRBY takes only integers, so amounts are in thousandths, like the bench traffic. */
async function add(body: Buffer): Promise<void> {
  const pulse = JSON.parse(body.toString()) as SentPulse;
  const key = `${pulse.tenant}:${pulse.product_sku}:${pulse.use_unity}`;
  await redis?.incrby(key, Math.round(Number(pulse.used_amount) * 1000));
}
