/** Publishes traffic in a separate process: with Pulse's publisher, or with plain amqplib confirms. */
import { connect } from 'amqplib';
import { sleep } from '../../src/platform/backoff.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import { nowMs } from '../clock.ts';
import { bodies, type Traffic } from '../traffic.ts';
import { answerParent } from './answer-parent.ts';

export type PublishOrder =
  | {
      readonly kind: 'open';
      readonly url: string;
      /** Exchange and routing key have the same name. */
      readonly exchange: string;
      readonly publisher: 'pulse' | 'bare';
      /** The most unconfirmed publications at a time. */
      readonly window: number;
    }
  /** Makes the bodies in advance, so that the measurement does not include it. */
  | { readonly kind: 'make'; readonly traffic: Traffic }
  | { readonly kind: 'publish'; readonly traffic: Traffic; readonly perSecond?: number }
  | { readonly kind: 'close' };

export interface PublishAnswer {
  readonly confirmedCount: number;
  readonly bodyBytes: number;
  readonly seconds: number;
  /** With `perSecond`: when each, in the order of sending, was confirmed; milliseconds of the system's monotonic clock. */
  readonly confirmedAtMs: Float64Array | null;
}

/** Publishes one body; calls `confirmed` when the broker has confirmed it. */
type Send = (body: Buffer, confirmed: () => void, failed: (error: unknown) => void) => void;

const OPTIONS = { persistent: true, mandatory: true, contentType: 'application/json' };
const PACE_MS = 5;

let send: Send | undefined;
let close: (() => Promise<void>) | undefined;
let window = 1;
let made: readonly Buffer[] | undefined;

answerParent<PublishOrder>(async (order) => {
  if (order.kind === 'open') {
    window = order.window;
    if (order.publisher === 'bare') await openBare(order.url, order.exchange);
    else await openPulse(order.url, order.exchange);
  } else if (order.kind === 'make') {
    made = [...bodies(order.traffic)];
  } else if (order.kind === 'close') {
    await close?.();
  } else {
    const source = made ?? bodies(order.traffic);
    made = undefined;
    return order.perSecond === undefined
      ? await publishAll(source)
      : await publishPaced(source, order.perSecond);
  }
  return null;
});

async function openBare(url: string, exchange: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  send = (body, confirmed, failed) => {
    channel.publish(exchange, exchange, body, OPTIONS, (error: unknown) => {
      if (error === null) confirmed();
      else failed(error);
    });
  };
  close = () => connection.close();
}

async function openPulse(url: string, exchange: string): Promise<void> {
  const publisher = createPublisher({
    url,
    logger: createLogger({ level: 'error', pretty: false, secrets: [] }),
    maxOutstanding: window,
  });
  await publisher.ready;
  const { contentType } = OPTIONS;
  send = (body, confirmed, failed) => {
    publisher
      .publish({ exchange, routingKey: exchange, body, contentType })
      .then(confirmed, failed);
  };
  close = () => publisher.close();
}

/** As fast as the window allows. */
async function publishAll(source: Iterable<Buffer>): Promise<PublishAnswer> {
  const iterator = source[Symbol.iterator]();
  const startedMs = nowMs();
  let outstanding = 0;
  let confirmedCount = 0;
  let bodyBytes = 0;
  await new Promise<void>((resolve, reject) => {
    let finished = false;
    const confirmed = (): void => {
      outstanding -= 1;
      confirmedCount += 1;
      pump();
    };
    const pump = (): void => {
      while (!finished && outstanding < window) {
        const next = iterator.next();
        if (next.done === true) finished = true;
        else {
          outstanding += 1;
          bodyBytes += next.value.length;
          send?.(next.value, confirmed, reject);
        }
      }
      if (finished && outstanding === 0) resolve();
    };
    pump();
  });
  return { confirmedCount, bodyBytes, seconds: (nowMs() - startedMs) / 1000, confirmedAtMs: null };
}

/** At a steady rate, whether or not the broker keeps up. */
async function publishPaced(source: Iterable<Buffer>, perSecond: number): Promise<PublishAnswer> {
  const times: number[] = [];
  let failure: unknown;
  let confirmedCount = 0;
  let sentCount = 0;
  let bodyBytes = 0;
  const startedMs = nowMs();
  for (const body of source) {
    const index = sentCount++;
    bodyBytes += body.length;
    send?.(
      body,
      () => {
        times[index] = nowMs();
        confirmedCount += 1;
      },
      (error) => {
        failure ??= error;
      },
    );
    const dueMs = startedMs + (sentCount / perSecond) * 1000;
    while (failure === undefined && nowMs() < dueMs - PACE_MS) await sleep(PACE_MS);
  }
  const seconds = (nowMs() - startedMs) / 1000;
  while (failure === undefined && confirmedCount < sentCount) await sleep(PACE_MS);
  if (failure !== undefined) throw failure instanceof Error ? failure : new Error('unknown');
  const confirmedAtMs = Float64Array.from(times);
  return { confirmedCount, bodyBytes, seconds, confirmedAtMs };
}
