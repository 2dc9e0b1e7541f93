/** The exchanges and queues of Pulse: names, arguments, and how existing ones differ. */
import type { Channel, ChannelModel } from 'amqplib';
import { codeOf, FatalError } from '../core/errors.ts';
import { closeChannel, withRabbitConnection } from './rabbit-connection.ts';

/** The names that derive from PULSE_QUEUE. */
export interface TopologyNames {
  /** Where pulses are published, with `routingKey`. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly queue: string;
  /** Where Pulse and the broker publish refused pulses, with any routing key. */
  readonly deadExchange: string;
  readonly deadQueue: string;
  /** Where the quarantine puts a dead letter that Postgres cannot store, through the default exchange. */
  readonly parkedQueue: string;
}

export interface QueueDepth {
  /** Ready for delivery; does not include unacknowledged deliveries. */
  readonly readyCount: number;
  readonly consumerCount: number;
}

export function topologyNames(queue: string): TopologyNames {
  return {
    exchange: queue,
    routingKey: queue,
    queue,
    deadExchange: `${queue}.dead`,
    deadQueue: `${queue}.dead`,
    parkedQueue: `${queue}.dead.parked`,
  };
}

/**
 * Declares exchanges, queues and bindings; idempotent.
 *
 * @throws FatalError PULSE_RABBIT_TOPOLOGY when one exists with other arguments or this user may not declare
 * it; says which argument differs and what to do.
 */
export async function declareTopology(connection: ChannelModel, queue: string): Promise<void> {
  const overflow = await findDeadQueueOverflow(connection, topologyNames(queue));
  await declare(connection, queue, (channel, names) => declareAll(channel, names, overflow));
}

/** Declares the queue of pulses alone: if it exists, this compares its arguments and creates nothing. Throws the same. */
export async function declareQueue(connection: ChannelModel, queue: string): Promise<void> {
  await declare(connection, queue, assertPulseQueue);
}

async function declare(
  connection: ChannelModel,
  queue: string,
  work: (channel: Channel, names: TopologyNames) => Promise<void>,
): Promise<void> {
  const names = topologyNames(queue);
  const channel = await connection.createChannel();
  // The declaration rejects with the same error; without a listener it would break the connection.
  channel.on('error', () => undefined);
  try {
    await work(channel, names);
  } catch (error) {
    throw toTopologyError(error, await findClassicQueue(connection, names));
  }
  await closeChannel(channel);
}

/** The same over a separate connection, for commands that need no session. */
export async function declareTopologyAt(url: string, queue: string): Promise<void> {
  await withRabbitConnection(url, { name: 'pulse topology' }, (connection) =>
    declareTopology(connection, queue),
  );
}

/** The current depth of a queue; undefined when it does not exist. */
export async function readQueueDepth(
  connection: ChannelModel,
  queue: string,
): Promise<QueueDepth | undefined> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    await closeChannel(channel);
    return { readyCount: messageCount, consumerCount };
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

const ACCESS_REFUSED = 403;
export const NOT_FOUND = 404;
const RESOURCE_LOCKED = 405;
const PRECONDITION_FAILED = 406;

/**
 * RabbitMQ 4 drops a delivery after 20 attempts by default, and these queues have no dead letters behind them. How to
 * say "no limit" differs between versions; a large number works in all of them.
 */
const NO_DELIVERY_LIMIT = 2_147_483_647;

/** Matters only where a policy limits the length of a queue: then it refuses the newest, and drops no message. */
const REFUSES_NEWEST = { 'x-overflow': 'reject-publish' };
type Overflow = Partial<typeof REFUSES_NEWEST>;

/** Version 0.1 declared the queue of dead letters without `x-overflow`, and arguments of a queue cannot change. */
async function findDeadQueueOverflow(
  connection: ChannelModel,
  names: TopologyNames,
): Promise<Overflow> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    await assertDeadQueue(channel, names, REFUSES_NEWEST);
  } catch {
    // It has other arguments, or RabbitMQ refuses this user: the declaration of everything says which.
    return {};
  }
  await closeChannel(channel);
  return REFUSES_NEWEST;
}

async function assertDeadQueue(
  channel: Channel,
  { deadQueue }: TopologyNames,
  overflow: Overflow,
): Promise<void> {
  await channel.assertQueue(deadQueue, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': NO_DELIVERY_LIMIT, ...overflow },
  });
}

async function declareAll(
  channel: Channel,
  names: TopologyNames,
  overflow: Overflow,
): Promise<void> {
  await channel.assertExchange(names.deadExchange, 'fanout', { durable: true });
  await assertDeadQueue(channel, names, overflow);
  await channel.bindQueue(names.deadQueue, names.deadExchange, '');
  await channel.assertQueue(names.parkedQueue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      // A person who looks at a message returns it, which counts as an attempt.
      'x-delivery-limit': NO_DELIVERY_LIMIT,
      ...REFUSES_NEWEST,
    },
  });
  await channel.assertExchange(names.exchange, 'direct', { durable: true });
  await assertPulseQueue(channel, names);
  await channel.bindQueue(names.queue, names.exchange, names.routingKey);
}

async function assertPulseQueue(channel: Channel, names: TopologyNames): Promise<void> {
  await channel.assertQueue(names.queue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': names.deadExchange,
      'x-dead-letter-strategy': 'at-least-once',
      'x-delivery-limit': 20,
    },
  });
}

/**
 * The name of the queue that is a plain classic queue, if any. The broker's error names only the first
 * argument that differs, which may not be the queue type.
 */
async function findClassicQueue(
  connection: ChannelModel,
  { queue, deadQueue, parkedQueue }: TopologyNames,
): Promise<string | undefined> {
  for (const name of [queue, deadQueue, parkedQueue]) {
    try {
      if ((await readQueueDepth(connection, name)) === undefined) continue;
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      // The queue exists, so this creates nothing. It succeeds only for a classic queue without arguments.
      await channel.assertQueue(name, { durable: true });
      await closeChannel(channel);
      return name;
    } catch {
      // Not this one, or the connection is lost: the caller's error says more.
    }
  }
  return undefined;
}

/** Returns errors that are not about the declaration, such as a lost connection, unchanged. */
export function toTopologyError(error: unknown, classicQueue: string | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const code = codeOf(error);
  const reason = /"[A-Z_]+ - (.*)"$/s.exec(error.message)?.[1] ?? error.message;
  const problem =
    code === PRECONDITION_FAILED
      ? classicQueue === undefined
        ? mismatchSentence(reason)
        : `The queue "${classicQueue}" is a classic queue: Pulse needs x-queue-type "quorum". ` +
          'Drain and delete it, or set PULSE_QUEUE to a new name.'
      : code === ACCESS_REFUSED || code === RESOURCE_LOCKED
        ? `RabbitMQ does not let this user declare what Pulse needs: ${reason}. Grant the configure permission, or set PULSE_QUEUE to another name.`
        : undefined;
  if (problem === undefined) return error;
  return new FatalError('PULSE_RABBIT_TOPOLOGY', problem, { cause: error });
}

const INEQUIVALENT =
  /^inequivalent arg '(.+)' for (queue|exchange) '(.+)' in vhost '(.+)': received (.+) but current is (.+)$/s;

function mismatchSentence(reason: string): string {
  const match = INEQUIVALENT.exec(reason);
  if (match === null) {
    return `RabbitMQ refused a declaration: ${reason}. Drain and delete what exists, or set PULSE_QUEUE to a new name.`;
  }
  const [, argument, kind, name, vhost, wanted, current] = match;
  return (
    `The ${kind} "${name}" in virtual host "${vhost}" exists with a different ${argument}: ` +
    `Pulse needs ${valueOf(wanted)}, it has ${valueOf(current)}. ` +
    `Drain and delete it, or set PULSE_QUEUE to a new name.`
  );
}

/** `the value 'x' of type 'longstr'`, `'x'` or `none` → `x` in quotes, or `none`. */
function valueOf(text: string | undefined): string {
  const quoted = /'(.*?)'/s.exec(text ?? '');
  return quoted === null ? 'none' : `"${quoted[1]}"`;
}
