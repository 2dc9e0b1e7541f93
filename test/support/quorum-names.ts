/** What to wait for before killing RabbitMQ, so that a defect of RabbitMQ is not mistaken for one of Pulse. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MESSAGE_QUEUES } from './servers.ts';

/**
 * Whether the broker has written the names of the quorum queue, its dead letters and its parked messages.
 *
 * RabbitMQ 3.10 writes them up to a second after it has answered. Killed before that, it comes back with a queue
 * that never elects a leader, and what it had confirmed for that queue is lost.
 *
 * @param directory The directory of the private servers.
 */
export function areQueuesNamed(directory: string, queue: string): boolean {
  const text = readNames(directory);
  const parked = `${queue}.dead.parked`;
  const dead = `${queue}.dead`;
  const withoutParked = text.replaceAll(parked, '');
  const chain = MESSAGE_QUEUES.map((name) => `${queue}.${name}`);
  return (
    text.includes(parked) &&
    withoutParked.includes(dead) &&
    withoutParked.replaceAll(dead, '').includes(queue) &&
    (!text.includes(`${queue}.orders`) || chain.every((name) => text.includes(name)))
  );
}

/** Whether the broker has written the name of any other quorum queue. */
export function isQueueNamed(directory: string, queue: string): boolean {
  return readNames(directory).includes(queue);
}

function readNames(directory: string): string {
  const names = 'rabbitmq/mnesia/pulse@localhost/quorum/pulse@localhost/names.dets';
  return readFileSync(join(directory, names), 'latin1');
}
