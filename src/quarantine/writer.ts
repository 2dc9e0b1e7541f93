/**
 * The quarantine writer: moves dead letters from queue `<q>.dead` into table dead_letters, and acknowledges them
 * after the commit. What Postgres refuses for good, and what came back too often, goes to the parked queue.
 *
 * States:
 * - `waiting`: RabbitMQ is unavailable; nothing is held.
 * - `writing`: at most `prefetch` unacknowledged deliveries are held; those that came together are inserted
 *   together. Besides them, those that could not be parked are unacknowledged, without their bodies.
 * - `paused`: Postgres is unavailable; the insert is retried with growing delays, and the broker delivers no
 *   more than `prefetch`.
 * - `closed`: what was not acknowledged is delivered to another writer, which drops it by its id if it was
 *   already written.
 */
import { setMaxListeners } from 'node:events';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Pool } from 'pg';
import { toError, TransientError, type PulseError } from '../core/errors.ts';
import type { DeadLetterReason } from '../contract/rejection.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog, type OutageLog } from '../platform/outage-log.ts';
import { startRabbitSession, type RabbitLink } from '../platform/rabbit.ts';
import { topologyNames } from '../platform/topology.ts';
import { fromDelivery, type DeadLetter } from './dead-letter.ts';
import { cameBackTooOften, type ParkReason } from './parked-publication.ts';
import { createParking, type Parking } from './parking.ts';
import { storeDeadLetters, type Stored } from './store.ts';

export interface QuarantineWriterDeps {
  readonly url: string;
  readonly queue: string;
  readonly pool: Pick<Pool, 'query'>;
  readonly logger: Logger;
  /** Unacknowledged deliveries at a time. Few, because each may be as large as the broker allows. */
  readonly prefetch?: number;
  /** Returns of one dead letter, after which it is parked instead of tried again. */
  readonly returnsMax?: number;
  /** Called after each commit with how many dead letters of each reason are new. */
  readonly onWritten?: (counts: ReadonlyMap<DeadLetterReason, number>) => void;
  /** Called for each message that the broker has stored in the parked queue. */
  readonly onParked?: (reason: ParkReason) => void;
  /** The writer has stopped and does not start again. */
  readonly onFatal?: (error: PulseError) => void;
}

export interface QuarantineWriter {
  readonly state: 'waiting' | 'writing' | 'paused' | 'closed';
  /** Finishes the current insert, within `timeoutMs`, and closes the connection. */
  close(timeoutMs?: number): Promise<void>;
}

const PREFETCH = 20;
/** Bytes of all bodies in one statement, unless a single body is larger. The driver needs several times as much. */
const INSERT_BYTES_MAX = 4 * 1024 * 1024;
const RETRY = { baseMs: 200, capMs: 10_000 };
const CLOSE_TIMEOUT_MS = 5_000;
/** Deliveries that wait to go back because they cannot be parked. With more, those behind them wait as well. */
const ASIDE_MAX = 1_000;

/** Starts the writer. It connects in the background and runs until it is closed. */
export function startQuarantineWriter(deps: QuarantineWriterDeps): QuarantineWriter {
  const stopping = new AbortController();
  const stop = stopping.signal;
  // Each delivery that waits to go back listens; `ASIDE_MAX` limits them.
  setMaxListeners(0, stop);
  const status = { state: 'waiting' as QuarantineWriter['state'] };
  const { url, queue, logger, onParked } = deps;
  const parking = createParking({ url, queue, logger, stop, onParked });
  const busy: Busy = { writing: Promise.resolve(), settling: new Set() };
  const outage = createOutageLog({
    logger,
    facts: {},
    failedText: 'dead letters cannot be written; retrying',
    endedText: 'dead letters are written again',
  });

  const session = startRabbitSession({
    url,
    name: 'pulse quarantine',
    logger,
    setup: async (link) => {
      const channel = await link.createChannel();
      await channel.prefetch(deps.prefetch ?? PREFETCH);
      await consume({ deps, status, link, channel, stop, outage, parking, busy });
      status.state = 'writing';
    },
    onLost: () => {
      status.state = 'waiting';
    },
    onFatal: (error) => {
      status.state = 'closed';
      deps.onFatal?.(error);
    },
  });

  return {
    get state() {
      return status.state;
    },
    async close(timeoutMs = CLOSE_TIMEOUT_MS) {
      stopping.abort();
      await waitAtMost(
        timeoutMs,
        busy.writing.then(() => Promise.all(busy.settling)),
      );
      await parking.close();
      await session.close();
      status.state = 'closed';
    },
  };
}

/** What the writer is doing; it outlives a link. */
interface Busy {
  writing: Promise<void>;
  readonly settling: Set<Promise<void>>;
}

interface WriteContext {
  readonly deps: QuarantineWriterDeps;
  readonly status: { state: QuarantineWriter['state'] };
  readonly link: RabbitLink;
  readonly channel: Channel;
  readonly stop: AbortSignal;
  readonly outage: OutageLog;
  readonly parking: Parking;
  readonly busy: Busy;
}

/** Of one consumer: how many of its deliveries are being parked, or wait to go back, and take up its prefetch. */
interface Aside {
  count: number;
}

/**
 * Consumes on the channel until the link is lost.
 *
 * Deliveries that cannot be parked take up the prefetch until they go back, and go back to the front of the queue.
 * So that they do not hold up those behind them, another consumer with a prefetch of its own takes over.
 */
async function consume(context: WriteContext): Promise<void> {
  const { deps, link, channel, busy } = context;
  const inbox: ConsumeMessage[] = [];
  let aside: Aside = { count: 0 };
  let queued = false;

  const onDelivery = (delivery: ConsumeMessage | null): void => {
    if (delivery === null) {
      link.fail(
        new TransientError('PULSE_RABBIT_UNREACHABLE', 'The broker cancelled the consumer.'),
      );
      return;
    }
    inbox.push(delivery);
    if (queued) return;
    queued = true;
    busy.writing = busy.writing.then(work).catch((error: unknown) => {
      link.fail(toError(error));
    });
  };
  const subscribe = () => channel.consume(topologyNames(deps.queue).deadQueue, onDelivery);
  let { consumerTag } = await subscribe();

  async function work(): Promise<void> {
    queued = false;
    // Deliveries of the same turn of the event loop go into one statement.
    await new Promise(setImmediate);
    await drainInbox(inbox, { ...context, aside });
    const isFull = aside.count >= (deps.prefetch ?? PREFETCH) / 2;
    if (!isFull || !link.alive || busy.settling.size >= ASIDE_MAX) return;
    const old = consumerTag;
    aside = { count: 0 };
    ({ consumerTag } = await subscribe());
    // Not awaited: a queue without a leader does not answer. What the old consumer holds stays with the channel.
    channel.cancel(old).catch((error: unknown) => {
      link.fail(toError(error));
    });
  }
}

/** Takes as many from the front as fit into one statement, at least one. */
function takeTogether(inbox: ConsumeMessage[]): ConsumeMessage[] {
  let bytes = 0;
  const fits = inbox.findIndex(({ content }, index) => {
    bytes += content.length;
    return index > 0 && bytes > INSERT_BYTES_MAX;
  });
  return inbox.splice(0, fits === -1 ? inbox.length : fits);
}

/** Writes what is in the inbox now, and acknowledges it. */
async function drainInbox(
  inbox: ConsumeMessage[],
  context: WriteContext & { readonly aside: Aside },
): Promise<void> {
  const { deps, link } = context;
  for (let left = inbox.length; left > 0 && link.alive;) {
    const taken = takeTogether(inbox);
    left -= taken.length;
    const rows = new Map<DeadLetter, ConsumeMessage>();
    for (const delivery of taken) {
      if (cameBackTooOften(delivery, deps.returnsMax)) {
        setAside(delivery, { reason: 'returned' }, context);
      } else rows.set(fromDelivery(delivery, deps.queue), delivery);
    }
    const stored = await writeUntilDone([...rows.keys()], context);
    if (stored === undefined) return;
    for (const [row, delivery] of rows) {
      const error = stored.refused.get(row);
      if (error === undefined) acknowledge(delivery, context);
      else setAside(delivery, { reason: 'refused', error }, context);
    }
  }
}

/** Delivery tags of a lost link are invalid, and would close the next channel. */
function acknowledge(delivery: ConsumeMessage, { link, channel }: WriteContext): void {
  if (link.alive) channel.ack(delivery);
}

/** Parks a delivery, and does not wait for it. */
function setAside(
  delivery: ConsumeMessage,
  why: { readonly reason: ParkReason; readonly error?: unknown },
  { link, channel, parking, busy, aside }: WriteContext & { readonly aside: Aside },
): void {
  aside.count += 1;
  const settled = parking
    .settle(delivery, why, {
      link,
      ack: (message) => {
        channel.ack(message);
      },
      requeue: (message) => {
        channel.nack(message, false, true);
      },
    })
    .finally(() => {
      aside.count -= 1;
      busy.settling.delete(settled);
    });
  busy.settling.add(settled);
}

/** Retries until everything is committed or refused for good; undefined if the link is lost or the writer closes. */
async function writeUntilDone(
  rows: readonly DeadLetter[],
  context: WriteContext,
): Promise<Stored | undefined> {
  const { deps, link, stop, outage } = context;
  if (rows.length === 0) return { reasons: [], refused: new Map() };
  for (let attempt = 0; link.alive && !stop.aborted; attempt++) {
    try {
      const stored = await storeDeadLetters(rows, deps);
      report(stored.reasons, deps);
      outage.ended();
      mark(context, 'writing');
      return stored;
    } catch (error) {
      mark(context, 'paused');
      outage.failed(error, { attempt });
      await sleep(backoffDelayMs(attempt, RETRY), stop);
    }
  }
  return undefined;
}

/** The state belongs to the newest link. */
function mark({ status, link }: WriteContext, state: QuarantineWriter['state']): void {
  if (link.alive) status.state = state;
}

function report(reasons: readonly DeadLetterReason[], { onWritten }: QuarantineWriterDeps): void {
  if (onWritten === undefined || reasons.length === 0) return;
  const counts = new Map<DeadLetterReason, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  onWritten(counts);
}
