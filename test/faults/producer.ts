/** The producer of a round: plain amqplib, not Pulse's publisher, and as careful as a producer must be. */
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { sleep, waitAtMost } from '../../src/platform/backoff.ts';
import type { Random } from '../../src/populate/random.ts';
import type { IntentLog } from './intent-log.ts';
import type { PlannedPublication } from './traffic.ts';

export interface ProducerOptions {
  readonly url: string;
  readonly queue: string;
  readonly publications: readonly PlannedPublication[];
  readonly log: IntentLog;
  /** Publishes evenly over this time, if the broker accepts that many. */
  readonly durationMs: number;
  readonly random: Random;
}

export interface Producer {
  /** Resolves when everything is published and settled; `hurry` limits the time. */
  readonly done: Promise<void>;
  /** Publishes the rest at once; what is not confirmed after `timeoutMs` stays unknown. */
  hurry(timeoutMs: number): Promise<void>;
}

const OUTSTANDING_MAX = 1_000;
const PAUSE_MS = 10;

interface Link {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  alive: boolean;
}

export function startProducer(options: ProducerOptions): Producer {
  const { publications, log, random, queue } = options;
  const startedMs = performance.now();
  const again: PlannedPublication[] = [];
  const outstanding = new Map<number, PlannedPublication>();
  let next = 0;
  let hurried = false;
  let givenUp = false;
  let link: Link | undefined;

  const settle = (publish: number, confirmed: boolean): void => {
    const publication = outstanding.get(publish);
    if (publication === undefined) return;
    outstanding.delete(publish);
    log.settle(publish, confirmed ? 'confirmed' : 'unknown');
    // A producer republishes what was not confirmed, under the same id. Here only half of it, to test both cases.
    const mayRepeat = publication.messageId !== undefined && !givenUp;
    if (!confirmed && mayRepeat && random.below(2) === 0) again.push(publication);
  };
  const lose = (): void => {
    if (link !== undefined) link.alive = false;
    link = undefined;
    for (const publish of [...outstanding.keys()]) settle(publish, false);
  };
  const send = (publication: PlannedPublication): void => {
    const publish = log.intend(publication);
    outstanding.set(publish, publication);
    const { messageId, body } = publication;
    try {
      link?.channel.publish(
        queue,
        queue,
        body,
        { persistent: true, ...(messageId === undefined ? {} : { messageId }) },
        (error: unknown) => {
          settle(publish, error === null);
        },
      );
    } catch {
      lose();
    }
  };
  const dueCount = (): number => {
    if (hurried) return publications.length;
    const share = (performance.now() - startedMs) / options.durationMs;
    return Math.min(publications.length, Math.ceil(publications.length * share));
  };
  const run = async (): Promise<void> => {
    while (!givenUp) {
      if (next === publications.length && again.length === 0 && outstanding.size === 0) break;
      link ??= await open(options.url, lose);
      while (link !== undefined && outstanding.size < OUTSTANDING_MAX) {
        const publication = again.shift() ?? (next < dueCount() ? publications[next++] : undefined);
        if (publication === undefined) break;
        send(publication);
      }
      await sleep(PAUSE_MS);
    }
    await close(link);
    lose();
  };
  const done = run();
  return {
    done,
    async hurry(timeoutMs) {
      hurried = true;
      await waitAtMost(timeoutMs, done);
      givenUp = true;
      await done;
    },
  };
}

/** Undefined while the broker is unavailable. */
async function open(url: string, onLost: () => void): Promise<Link | undefined> {
  try {
    const connection = await connect(`${url}?heartbeat=5`, { timeout: 2_000 });
    connection.on('error', () => undefined);
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    const link: Link = { connection, channel, alive: true };
    const lose = (): void => {
      if (!link.alive) return;
      link.alive = false;
      onLost();
    };
    connection.on('close', lose);
    channel.on('close', lose);
    return link;
  } catch {
    await sleep(100);
    return undefined;
  }
}

/** A broker that does not answer must not delay the end. */
async function close(link: Link | undefined): Promise<void> {
  if (link === undefined) return;
  const closing = link.connection.close().catch(() => undefined);
  await waitAtMost(1_000, closing);
  const { stream } = link.connection.connection as unknown as {
    stream?: { destroy: () => void };
  };
  stream?.destroy();
}
