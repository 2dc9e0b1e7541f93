/**
 * RabbitMQ as far as Pulse relies on it: two durable quorum queues behind their exchanges, prefetch, single and
 * multiple acknowledgements, and redelivery. What a lost channel held comes back in order, with its delivery
 * count, up to the delivery limit. Confirmed messages are never lost.
 */
import { topologyNames } from '../../src/platform/topology.ts';
import type { World } from './world.ts';

export const QUEUE = 'pulses';
const NAMES = topologyNames(QUEUE);
/** How often a quorum queue redelivers a message. */
const DELIVERY_LIMIT = 20;

export interface StoredMessage {
  /** The position in the queue, which a returned message keeps. */
  readonly sequence: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly properties: Readonly<Record<string, unknown>>;
  deliveryCount: number;
}

/** The broker's end of a channel. */
export class ServerChannel {
  prefetch = 0;
  queue: QueueModel | undefined;
  open = true;
  readonly unacked = new Map<number, StoredMessage>();
  readonly deliver: (tag: number, message: StoredMessage) => void;
  #nextTag = 1;

  constructor(deliver: ServerChannel['deliver']) {
    this.deliver = deliver;
  }

  hasRoom(): boolean {
    return this.open && (this.prefetch === 0 || this.unacked.size < this.prefetch);
  }

  hand(message: StoredMessage): void {
    const tag = this.#nextTag++;
    this.unacked.set(tag, message);
    this.deliver(tag, message);
  }
}

export class QueueModel {
  ready: StoredMessage[] = [];
  /** Everything that was ever enqueued. */
  readonly history: StoredMessage[] = [];
  readonly acknowledged = new Set<StoredMessage>();
  readonly #consumers: ServerChannel[] = [];
  #givenUpCount = 0;
  readonly #world: World;
  readonly #giveUp: (message: StoredMessage) => void;

  constructor(world: World, giveUp: (message: StoredMessage) => void) {
    this.#world = world;
    this.#giveUp = giveUp;
  }

  /** Whether every message was acknowledged or given up. */
  get isSettled(): boolean {
    return this.history.length === this.acknowledged.size + this.#givenUpCount;
  }

  enqueue(message: Omit<StoredMessage, 'sequence' | 'deliveryCount'>): void {
    const stored = { ...message, sequence: this.history.length, deliveryCount: 0 };
    this.history.push(stored);
    this.ready.push(stored);
    this.dispatch();
  }

  subscribe(channel: ServerChannel): void {
    channel.queue = this;
    this.#consumers.push(channel);
    this.dispatch();
  }

  unsubscribe(channel: ServerChannel): void {
    const at = this.#consumers.indexOf(channel);
    if (at >= 0) this.#consumers.splice(at, 1);
  }

  /** Takes back what the channel held, ahead of newer messages. */
  takeBack(channel: ServerChannel): void {
    const messages = [...channel.unacked.values()];
    channel.unacked.clear();
    this.takeBackAll(messages);
  }

  takeBackAll(messages: readonly StoredMessage[]): void {
    if (messages.length > 0) this.#world.meet('delivered again');
    for (const message of messages) {
      message.deliveryCount += 1;
      if (message.deliveryCount <= DELIVERY_LIMIT) this.ready.push(message);
      else {
        this.#givenUpCount += 1;
        this.#giveUp(message);
      }
    }
    this.ready.sort((one, other) => one.sequence - other.sequence);
    this.dispatch();
  }

  /** Delivers ready messages; the consumers take turns. */
  dispatch(): void {
    for (;;) {
      const consumer = this.#consumers.find((channel) => channel.hasRoom());
      if (consumer === undefined || this.ready.length === 0) return;
      const message = this.ready.shift();
      if (message !== undefined) consumer.hand(message);
      this.#consumers.push(...this.#consumers.splice(this.#consumers.indexOf(consumer), 1));
    }
  }
}

export class BrokerModel {
  readonly pulses: QueueModel;
  readonly dead: QueueModel;
  /** Whether `x-overflow: reject-publish` refuses pulses. */
  full = false;
  /** How many of the next dead letters it refuses, as while their queue has no leader. */
  deadRefusals = 0;
  /** How many of the next connections it refuses, as during a restart. */
  refusals = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    this.dead = new QueueModel(world, () => undefined);
    this.pulses = new QueueModel(world, (message) => {
      const death = { reason: 'delivery_limit', queue: QUEUE, exchange: message.exchange };
      const headers = { 'x-death': [{ ...death, 'routing-keys': [message.routingKey] }] };
      this.dead.enqueue({ ...message, properties: { ...message.properties, headers } });
    });
  }

  /** Returns false when it refuses the message. */
  publish(message: Omit<StoredMessage, 'sequence' | 'deliveryCount'>): boolean {
    if (message.exchange === NAMES.exchange) {
      if (this.full) return false;
      this.pulses.enqueue(message);
    } else if (message.exchange === NAMES.deadExchange) {
      if (this.deadRefusals > 0) {
        this.deadRefusals -= 1;
        this.#world.meet('dead letter refused');
        return false;
      }
      this.dead.enqueue(message);
    } else {
      this.#world.violate(`published to an unknown exchange ${message.exchange}`);
    }
    return true;
  }

  queueNamed(name: string): QueueModel {
    return name === NAMES.deadQueue ? this.dead : this.pulses;
  }

  acknowledge(channel: ServerChannel, tag: number, multiple: boolean): void {
    if (!channel.unacked.has(tag)) {
      this.#world.violate(`acknowledged an unknown delivery tag ${tag}`);
      return;
    }
    for (const [held, message] of channel.unacked) {
      if (held !== tag && !(multiple && held < tag)) continue;
      channel.unacked.delete(held);
      channel.queue?.acknowledged.add(message);
    }
    const [oldest = tag] = channel.unacked.keys();
    if (oldest < tag) this.#world.meet('acknowledged past a held delivery');
    channel.queue?.dispatch();
  }

  /** A negative acknowledgement of one delivery. It returns to the queue. */
  requeue(channel: ServerChannel, tag: number): void {
    const message = channel.unacked.get(tag);
    channel.unacked.delete(tag);
    if (message === undefined) this.#world.violate(`returned an unknown delivery tag ${tag}`);
    else channel.queue?.takeBackAll([message]);
  }

  close(channel: ServerChannel): void {
    if (!channel.open) return;
    channel.open = false;
    channel.queue?.unsubscribe(channel);
    channel.queue?.takeBack(channel);
  }
}
