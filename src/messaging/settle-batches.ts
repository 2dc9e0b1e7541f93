/**
 * Takes the deliveries of one queue together, handles them in batches (handle-batch.ts), and settles each batch as one.
 *
 * What arrives while a batch is in progress becomes the next one. What is held is the beginning of the next batch.
 */
import type { Span } from '@opentelemetry/api';
import type { ConsumeMessage } from 'amqplib';
import { handleAll, parse, type BatchHandler, type ParsedMessage } from './handle-batch.ts';
import type { HandledMessage } from './handle-message.ts';
import { fromDelivery, type ReceivedMessage } from './message.ts';
import {
  inLargeTurn,
  isLarge,
  isWanted,
  sendReply,
  spanFacts,
  waitWhileHeld,
  type Subscription,
} from './settle-message.ts';

/** How many messages are handled together at most. */
export const BATCH_MESSAGES_MAX = 500;
/** The bytes of a batch, and of the bodies that are parsed ahead. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;

/** A delivery that is not settled. */
interface Waiting {
  readonly delivery: ConsumeMessage;
  readonly message: ReceivedMessage;
  /** Undefined: not parsed yet, because a parsed body takes more memory. */
  readonly parsed: ParsedMessage['parsed'] | undefined;
  readonly deliveredMs: number;
  /** Of this attempt. */
  readonly startedMs: number;
  readonly span: Span | undefined;
}

export interface DeliveryTaker {
  take(delivery: ConsumeMessage): void;
}

/**
 * @param run Is given the work whenever there is some, and ends with it.
 * @param release Is told the bytes of what is over: settled, or not wanted any more.
 */
export function createBatches(
  subscription: Subscription<BatchHandler>,
  { run, release }: { run: (work: Promise<void>) => void; release: (bytes: number) => void },
): DeliveryTaker {
  const { handler, deps, progress } = subscription;
  const { queue } = handler.binding;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let isRunning = false;

  async function work(): Promise<void> {
    // What RabbitMQ has delivered in one go is in the same batch.
    await new Promise(setImmediate);
    for (let attempt = 0; waiting.length > 0 && isWanted(subscription);) {
      const batch = takeBatch(waiting);
      waiting = waiting.slice(batch.length);
      waitingBytes -= bytesOf(batch);
      let held: readonly Waiting[] = [];
      const settle = async (): Promise<void> => {
        held = await settleBatch(batch, subscription);
      };
      await (batch.some(({ delivery }) => isLarge(delivery))
        ? inLargeTurn(progress, settle)
        : settle());
      release(bytesOf(batch) - bytesOf(held));
      waiting = [...held, ...waiting];
      waitingBytes += bytesOf(held);
      if (held.length === 0) attempt = 0;
      else await waitWhileHeld(subscription, { ...oldestOf(held), attempt: attempt++ });
    }
    release(waitingBytes);
    [waiting, waitingBytes, isRunning] = [[], 0, false];
  }

  return {
    take(delivery) {
      deps.onStep('delivered');
      delivery.content = withoutRest(delivery.content);
      const message = fromDelivery(queue, delivery);
      // They have been read. Nothing bounds those of a thousand messages, which take several times their bytes.
      delivery.properties.headers = {};
      waitingBytes += message.body.length;
      // While Postgres handles the batch before.
      const parsed = waitingBytes <= BATCH_BYTES_MAX ? parse(handler, message) : undefined;
      const deliveredMs = performance.now();
      waiting.push({ delivery, message, parsed, deliveredMs, ...start(message, subscription) });
      if (isRunning) return;
      isRunning = true;
      run(work());
    },
  };
}

/** A small part of what was read at once would hold all of it, such as the bytes of headers. */
function withoutRest(content: Buffer): Buffer {
  return content.buffer.byteLength > 2 * content.length ? Buffer.from(content) : content;
}

/** At least one. A large message is a batch of its own. */
function takeBatch(waiting: readonly Waiting[]): readonly Waiting[] {
  let bytes = 0;
  let hasLarge = false;
  const end = waiting.findIndex(({ delivery }, index) => {
    bytes += delivery.content.length;
    const isFull = index >= BATCH_MESSAGES_MAX || bytes > BATCH_BYTES_MAX;
    const wasLarge = hasLarge;
    hasLarge = isLarge(delivery);
    return index > 0 && (isFull || wasLarge || hasLarge);
  });
  return end === -1 ? waiting : waiting.slice(0, end);
}

function bytesOf(list: readonly Waiting[]): number {
  return list.reduce((sum, { delivery }) => sum + delivery.content.length, 0);
}

function oldestOf(held: readonly Waiting[]) {
  return { messages: held.length, sinceMs: Math.min(...held.map((one) => one.deliveredMs)) };
}

function start(message: ReceivedMessage, { deps: { tracing } }: Subscription) {
  const span = tracing.enabled
    ? tracing.start(`process ${message.queue}`, spanFacts(message))
    : undefined;
  return { startedMs: performance.now(), span };
}

/** @returns Those that are held, to be handled again. */
async function settleBatch(
  batch: readonly Waiting[],
  subscription: Subscription<BatchHandler>,
): Promise<readonly Waiting[]> {
  const { handler, acknowledgements, deps } = subscription;
  const handled = await handleAll(
    handler,
    batch.map(({ message, parsed = parse(handler, message) }) => ({ message, parsed })),
    deps,
  );
  const held: Waiting[] = [];
  const settled: ConsumeMessage[] = [];
  for (const [index, one] of batch.entries()) {
    const { outcome, reply }: HandledMessage = handled[index] ?? { outcome: 'held' };
    one.span?.setAttribute('pulse.outcome', outcome).end();
    deps.onOutcome(handler.binding.queue, outcome, (performance.now() - one.startedMs) / 1000);
    if (outcome === 'held') held.push({ ...one, ...start(one.message, subscription) });
    else {
      if (reply !== undefined) await sendReply(one.message, reply, deps);
      settled.push(one.delivery);
    }
  }
  acknowledgements.acknowledgeAll(settled);
  settled.forEach(() => {
    deps.onStep('acknowledged');
  });
  return held;
}
