/** How rounds of messages end: everything is handled and relayed; and what a queue of the test has heard. */
import { connect, type GetMessage, type Message } from 'amqplib';
import type { Pool } from 'pg';
import { sleep } from '../../src/platform/backoff.ts';
import { areQueuesNamed, isQueueNamed } from '../support/quorum-names.ts';
import { withChannel } from '../support/servers.ts';
import { until } from '../support/until.ts';
import type { Seat } from './fault.ts';
import type { Installation, TestServers } from './test-servers.ts';

const QUIET_TIMEOUT_MS = 120_000;
/** How often delayed retries are made due. Less often than the enricher's circuit breaker needs to close. */
const HURRY_INTERVAL_MS = 3_000;
const NAMED_TIMEOUT_MS = 10_000;
const PROBE = 'probe';

/** Waits until nothing is missing three times in a row. @param whatIsMissing Empty if nothing is. */
export async function untilQuiet(
  admin: Pool,
  whatIsMissing: () => Promise<string>,
  complaints: string[],
): Promise<void> {
  const deadlineMs = performance.now() + QUIET_TIMEOUT_MS;
  let hurryMs = 0;
  let missing = 'unknown';
  for (let quietTimes = 0; quietTimes < 3;) {
    if (performance.now() > deadlineMs) {
      complaints.push(`it never became quiet: ${missing}`);
      return;
    }
    if (performance.now() > hurryMs) {
      await admin.query(HURRY).catch(() => undefined);
      hurryMs = performance.now() + HURRY_INTERVAL_MS;
    }
    missing = await whatIsMissing().catch(String);
    quietTimes = missing === '' ? quietTimes + 1 : 0;
    await sleep(200);
  }
}

/**
 * Makes retries due, and makes what relays have locked look as if that was half a minute ago. At its next report, a
 * relay unlocks what dead relays had locked, and what it has locked without ever getting it. A relay that has not
 * reported lately counts as dead; if it is alive, a message is published twice.
 */
const HURRY = `
  UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now() AND locked_at IS NULL;
  DELETE FROM relays WHERE seen_at < now() - interval '8 seconds';
  UPDATE graphile_worker._private_jobs SET locked_at = now() - interval '30 seconds'
    WHERE locked_at IS NOT NULL`;

/** A process that holds messages back, because Postgres was unavailable, is not ready until it has tried again. */
export async function whoIsNotReady(seats: readonly Seat[]): Promise<string> {
  for (const { worker } of seats) {
    const [line = ''] = worker.child.stdout.split('\n');
    if (line === '') return 'a process is starting';
    const { metrics } = JSON.parse(line) as { metrics: string };
    const { ok } = await fetch(new URL('/health/ready', metrics));
    if (!ok) return 'a process is not ready';
  }
  return '';
}

/** Ready messages of these queues of an installation, together. */
export function countReady({ urls, queue }: Installation, names: readonly string[]) {
  return withChannel(urls.rabbitmq, async (channel) => {
    let waiting = 0;
    for (const name of names) {
      waiting += (await channel.checkQueue(`${queue}.${name}`)).messageCount;
    }
    return waiting;
  });
}

/** Declares a queue that hears messages of an exchange, and waits until RabbitMQ may be killed. @returns Its name. */
export async function declareTap(
  installation: Installation,
  servers: TestServers,
  heard: { readonly exchange: string; readonly keys: readonly string[] },
): Promise<string> {
  const { urls, queue } = installation;
  const tap = `${queue}.tap`;
  await withChannel(urls.rabbitmq, async (channel) => {
    await channel.assertQueue(tap, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    for (const key of heard.keys) {
      await channel.bindQueue(tap, `${queue}.${heard.exchange}`, key);
    }
  });
  await untilNamed(installation, servers, tap);
  return tap;
}

/** Waits until RabbitMQ may be killed: before the names are on disk, it comes back without the queues; see quorum-names.ts. */
export async function untilNamed(
  { queue }: Installation,
  { directory }: TestServers,
  tap = queue,
): Promise<void> {
  await until(
    'the names of the queues',
    NAMED_TIMEOUT_MS,
    () => areQueuesNamed(directory, queue) && isQueueNamed(directory, tap),
  );
}

/**
 * The keys that a tap does not hear any more. Killed within a second or two of a binding, RabbitMQ 3.10 may come back
 * without it. Nobody is told, so a round that hears nothing says nothing about who published.
 */
export async function findDeafKeys(
  { urls, queue }: Installation,
  heard: { readonly exchange: string; readonly keys: readonly string[] },
): Promise<string[]> {
  const connection = await connect(urls.rabbitmq);
  try {
    const channel = await connection.createConfirmChannel();
    const returned: string[] = [];
    channel.on('return', ({ fields }: Message) => returned.push(fields.routingKey));
    for (const key of heard.keys) {
      const options = { mandatory: true, messageId: PROBE };
      channel.publish(`${queue}.${heard.exchange}`, key, Buffer.from('{}'), options);
    }
    await channel.waitForConfirms();
    return returned;
  } finally {
    await connection.close();
  }
}

/** Takes everything that a tap has heard, without probes. */
export function drainTap<Heard>(
  { urls }: Installation,
  tap: string,
  read: (message: GetMessage) => Heard,
): Promise<Heard[]> {
  return withChannel(urls.rabbitmq, async (channel) => {
    const heard: Heard[] = [];
    for (;;) {
      const message = await channel.get(tap, { noAck: true });
      if (message === false) return heard;
      if (message.properties.messageId !== PROBE) heard.push(read(message));
    }
  });
}
