/** The reference of ingest: takes deliveries from a queue and acknowledges them in groups. It does nothing else. */
import { connect } from 'amqplib';
import { nowMs } from '../clock.ts';
import { answerParent } from './answer-parent.ts';

export type DrainOrder =
  | {
      readonly kind: 'open';
      readonly url: string;
      readonly queue: string;
      readonly prefetch: number;
      /** Deliveries per acknowledgement. */
      readonly ackEvery: number;
    }
  /** How many deliveries to expect. */
  | { readonly kind: 'expect'; readonly count: number }
  | { readonly kind: 'wait' };

export interface DrainAnswer {
  readonly bodyBytes: number;
  readonly doneAtMs: number;
}

let expected = 0;
let count = 0;
let bodyBytes = 0;
let done: Promise<DrainAnswer> | undefined;
let resolveDone: ((answer: DrainAnswer) => void) | undefined;

answerParent<DrainOrder>(async (order) => {
  if (order.kind === 'open') await open(order);
  else if (order.kind === 'expect') {
    expected = order.count;
    count = 0;
    bodyBytes = 0;
    done = new Promise((resolve) => {
      resolveDone = resolve;
    });
  } else return await done;
  return null;
});

async function open(order: Extract<DrainOrder, { kind: 'open' }>): Promise<void> {
  const connection = await connect(order.url, { noDelay: true });
  const channel = await connection.createChannel();
  await channel.prefetch(order.prefetch);
  await channel.consume(order.queue, (message) => {
    if (message === null) throw new Error('The broker cancelled the bare drain.');
    count += 1;
    bodyBytes += message.content.length;
    if (count % order.ackEvery !== 0 && count !== expected) return;
    channel.ack(message, true);
    if (count === expected) resolveDone?.({ bodyBytes, doneAtMs: nowMs() });
  });
}
