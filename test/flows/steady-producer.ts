/** A producer that publishes until it is stopped. It reconnects when it loses the broker, and sends again what was not confirmed. */
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type ChannelModel } from 'amqplib';
import { onTestFinished } from 'vitest';
import { closeChannel } from '../../src/platform/rabbit-connection.ts';
import type { GeneratedPulse } from '../../src/populate/generate-pulses.ts';
import { makeTraffic } from './flow-fixture.ts';

export interface SteadyProducer {
  /** Everything confirmed so far. */
  readonly confirmed: readonly GeneratedPulse[];
  /** Finishes the current burst, then stops. */
  stop(): Promise<void>;
}

const BURST = 100;
/** Slow enough that faults, not load, decide what happens. */
const PAUSE_MS = 20;
const RETRY_MS = 100;

/** Starts it; it stops when the test ends. */
export function startSteadyProducer(url: string, queue: string): SteadyProducer {
  const confirmed: GeneratedPulse[] = [];
  const stopping = new AbortController();
  let connection: ChannelModel | undefined;

  const publishBurst = async (burst: readonly GeneratedPulse[]): Promise<void> => {
    connection ??= await open(url);
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    for (const { body, messageId } of burst) {
      channel.publish(queue, queue, body, { persistent: true, messageId });
    }
    await channel.waitForConfirms();
    await closeChannel(channel);
  };

  const run = async (): Promise<void> => {
    for (let index = 0; !stopping.signal.aborted; index += BURST) {
      const burst = makeTraffic(BURST, 'steady', index);
      while (!(await succeeds(() => publishBurst(burst)))) {
        connection = undefined;
        await delay(RETRY_MS);
      }
      confirmed.push(...burst);
      await delay(PAUSE_MS);
    }
    await connection?.close().catch(() => undefined);
  };
  const running = run();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
  };
  onTestFinished(stop);
  return { confirmed, stop };
}

async function open(url: string): Promise<ChannelModel> {
  const connection = await connect(url, { timeout: 5_000 });
  connection.on('error', () => undefined);
  return connection;
}

async function succeeds(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}
