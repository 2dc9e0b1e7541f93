/** Short visits to the test servers. Knows nothing of vitest, so that the fault rounds can pay them too. */
import { connect, type Channel } from 'amqplib';
import { Client } from 'pg';

const CONNECT_TIMEOUT_MS = 10_000;

/** The same server at another path: a database of Postgres, or the number of one of Redis. */
export function withPath(url: string, path: string): string {
  const changed = new URL(url);
  changed.pathname = `/${path}`;
  return changed.href;
}

/** Runs `work` with a client of Postgres. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  // A query that the loss of the connection ends rejects by itself.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Runs `work` with a channel of RabbitMQ. */
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

/** The queues of orders in an installation whose PULSE_QUEUE is `queue`. */
const ORDER_QUEUES = ['orders.processing', 'orders.enrichment', 'orders.completion'];

/** Deletes the queues and exchanges of `queue`; those that are missing are no error. */
export async function deleteTopology(url: string, queue: string): Promise<void> {
  await withChannel(url, async (channel) => {
    for (const name of [queue, `${queue}.dead`]) {
      await channel.deleteQueue(name);
      await channel.deleteExchange(name);
    }
    for (const name of ORDER_QUEUES) await channel.deleteQueue(`${queue}.${name}`);
    await channel.deleteExchange(`${queue}.orders`);
  });
}
