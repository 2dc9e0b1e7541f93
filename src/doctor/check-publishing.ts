/** Whether RabbitMQ takes publications: the dead letters of ingest, and the pulses of producers. */
import { randomUUID } from 'node:crypto';
import type { Finding } from '../aggregate/redis-durability.ts';
import { sleep } from '../platform/backoff.ts';
import { closeRabbitConnection, openRabbitConnection } from '../platform/rabbit-connection.ts';
import { danger, ok } from './findings.ts';

const CONFIRM_TIMEOUT_MS = 5_000;

export async function checkPublishing(url: string, exchange: string): Promise<Finding> {
  return judgePublishing(await whyNotPublished(url, exchange));
}

/**
 * Publishes to a routing key that no queue is bound to: RabbitMQ confirms that and keeps nothing.
 *
 * On a separate connection, because during an alarm RabbitMQ reads nothing more from one that has published.
 *
 * @param signal Ends a connection attempt.
 * @returns What RabbitMQ did instead of confirming; undefined if it confirmed.
 * @throws Error RabbitMQ is unavailable.
 */
export async function whyNotPublished(
  url: string,
  exchange: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const connection = await openRabbitConnection(url, { name: 'pulse publishing check', signal });
  const late = new AbortController();
  try {
    const channel = await connection.createConfirmChannel();
    const refused = new Promise<string>((resolve) => {
      channel.once('error', ({ message }: Error) => {
        resolve(`RabbitMQ refuses publications to "${exchange}" (${message})`);
      });
    });
    const blocked = new Promise<string>((resolve) => {
      connection.once('blocked', (reason: string) => {
        resolve(`RabbitMQ has blocked publishing (${reason})`);
      });
    });
    channel.publish(exchange, `pulse check ${randomUUID()}`, Buffer.alloc(0));
    // Rejects when the channel closes: then `refused` says why, or there is an answer already.
    const confirmed = channel.waitForConfirms().then(
      () => undefined,
      () => refused,
    );
    const silent = sleep(CONFIRM_TIMEOUT_MS, late.signal).then(
      () => `RabbitMQ confirmed nothing within ${CONFIRM_TIMEOUT_MS / 1000} s`,
    );
    return await Promise.race([blocked, refused, confirmed, silent]);
  } finally {
    late.abort();
    await closeRabbitConnection(connection);
  }
}

/** @param problem As `whyNotPublished` says. */
export function judgePublishing(problem: string | undefined): Finding {
  const name = 'rabbitmq publishing';
  if (problem === undefined) return ok(name, 'is confirmed');
  return danger(
    name,
    `${problem}: producers wait, and refused pulses cannot reach the quarantine. ` +
      'Good pulses are counted meanwhile, until too many refused ones are held. ' +
      'If this is an alarm, give RabbitMQ memory or disk space; `rabbitmqctl status` shows it',
  );
}
