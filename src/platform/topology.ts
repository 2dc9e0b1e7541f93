/** The exchanges and queues of Pulse: names, arguments, and which exist. */
import type { Channel, ChannelModel } from 'amqplib';
import { codeOf } from '../core/errors.ts';
import { closeChannel, withRabbitConnection } from './rabbit-connection.ts';
import { toTopologyError } from './topology-error.ts';

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

interface TopologyPart {
  readonly kind: 'exchange' | 'queue';
  readonly name: string;
  readonly assert: (channel: Channel) => Promise<unknown>;
}

export interface TopologySight extends Pick<TopologyPart, 'kind' | 'name'> {
  readonly exists: boolean;
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

/**
 * Which exchanges and queues exist. Changes nothing: what exists is declared again, which only compares its arguments.
 * AMQP cannot ask for a binding.
 *
 * @throws FatalError as declareTopology
 */
export async function lookAtTopology(
  connection: ChannelModel,
  queue: string,
): Promise<readonly TopologySight[]> {
  const names = topologyNames(queue);
  const sights: TopologySight[] = [];
  for (const { kind, name } of topologyParts(names)) {
    const ask = (channel: Channel): Promise<object> =>
      kind === 'queue' ? channel.checkQueue(name) : channel.checkExchange(name);
    sights.push({ kind, name, exists: (await askFor(connection, ask)) !== undefined });
  }
  const has = (part: Pick<TopologySight, 'kind' | 'name'>): boolean =>
    sights.some(({ kind, name, exists }) => exists && kind === part.kind && name === part.name);
  // Asking which arguments it has would create it.
  const isAsked = has({ kind: 'queue', name: names.deadQueue });
  const overflow = isAsked ? await findDeadQueueOverflow(connection, names) : REFUSES_NEWEST;
  await declare(connection, queue, async (channel) => {
    for (const part of topologyParts(names, overflow)) if (has(part)) await part.assert(channel);
  });
  return sights;
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
  const reply = await askFor(connection, (channel) => channel.checkQueue(queue));
  return reply && { readyCount: reply.messageCount, consumerCount: reply.consumerCount };
}

export async function hasExchange(connection: ChannelModel, exchange: string): Promise<boolean> {
  const reply = await askFor(connection, (channel) => channel.checkExchange(exchange));
  return reply !== undefined;
}

/** Undefined when what `question` asks for does not exist, which closes its channel. */
async function askFor<T>(
  connection: ChannelModel,
  question: (channel: Channel) => Promise<T>,
): Promise<T | undefined> {
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  try {
    const reply = await question(channel);
    await closeChannel(channel);
    return reply;
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}

export const NOT_FOUND = 404;

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

/** In the order of their declaration: first what others name. */
function topologyParts(
  names: TopologyNames,
  overflow: Overflow = REFUSES_NEWEST,
): readonly TopologyPart[] {
  const exchange = (name: string, type: 'fanout' | 'direct'): TopologyPart => ({
    kind: 'exchange',
    name,
    assert: (channel) => channel.assertExchange(name, type, { durable: true }),
  });
  const queue = (name: string, assert: TopologyPart['assert']): TopologyPart => ({
    kind: 'queue',
    name,
    assert,
  });
  return [
    exchange(names.deadExchange, 'fanout'),
    queue(names.deadQueue, (channel) => assertDeadQueue(channel, names, overflow)),
    queue(names.parkedQueue, (channel) => assertParkedQueue(channel, names)),
    exchange(names.exchange, 'direct'),
    queue(names.queue, (channel) => assertPulseQueue(channel, names)),
  ];
}

async function declareAll(
  channel: Channel,
  names: TopologyNames,
  overflow: Overflow,
): Promise<void> {
  for (const { assert } of topologyParts(names, overflow)) await assert(channel);
  // Dead letters first: before there are any.
  await channel.bindQueue(names.deadQueue, names.deadExchange, '');
  await channel.bindQueue(names.queue, names.exchange, names.routingKey);
}

async function assertParkedQueue(channel: Channel, { parkedQueue }: TopologyNames): Promise<void> {
  await channel.assertQueue(parkedQueue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      // A person who looks at a message returns it, which counts as an attempt.
      'x-delivery-limit': NO_DELIVERY_LIMIT,
      ...REFUSES_NEWEST,
    },
  });
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
