/** Short-lived clients of the test servers. Does not import vitest, so that the fault rounds can use them too. */
import { connect, type Channel } from 'amqplib';
import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 10_000;

/** The same server with another path: a Postgres database, or the number of a Redis database. */
export function withPath(url: string, path: string): string {
  const changed = new URL(url);
  changed.pathname = `/${path}`;
  return changed.href;
}

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // A query that fails with the connection rejects anyway.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export async function withChannel<T>(
  url: string,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  const connection = await connect(url, { timeout: CONNECT_TIMEOUT_MS });
  connection.on('error', () => undefined);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    return await work(channel);
  } finally {
    await connection.close().catch(() => undefined);
  }
}

/** Suffixes of the queues and exchanges of messages in an installation. PULSE_QUEUE is the prefix. */
export const MESSAGE_QUEUES = [
  ...['orders.processing', 'orders.enrichment', 'orders.completion', 'orders.subscriptions'],
  ...['PURCHASED', 'CANCELED', 'RESTARTED', 'events', 'events.announced'],
];
const MESSAGE_EXCHANGES = ['orders', 'SUBSCRIPTIONS', 'events'];

/** Deletes the queues and exchanges of `queue`; missing ones are no error. */
export async function deleteTopology(url: string, queue: string): Promise<void> {
  await withChannel(url, async (channel) => {
    for (const name of [queue, `${queue}.dead`, `${queue}.dead.parked`]) {
      await channel.deleteQueue(name);
      await channel.deleteExchange(name);
    }
    for (const name of MESSAGE_QUEUES) await channel.deleteQueue(`${queue}.${name}`);
    for (const name of MESSAGE_EXCHANGES) await channel.deleteExchange(`${queue}.${name}`);
  });
}
