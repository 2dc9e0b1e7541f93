/** amqplib's connections and channels, as far as Pulse uses them: between a process and the model of the broker. */
import { IllegalOperationError, type ConsumeMessage } from 'amqplib';
import { EventEmitter } from 'node:events';
import { ServerChannel, type BrokerModel, type StoredMessage } from './broker-model.ts';
import { Pipe, type SimProcess } from './world.ts';

/** Called for every acknowledgement when the process sends it. */
export type AckWatcher = (
  process: SimProcess,
  acknowledged: readonly StoredMessage[],
  queue: string,
) => void;

/** What a cut connection still delivers. */
export interface Cut {
  readonly dropsToServer: boolean;
  readonly dropsToClient: boolean;
}

type Confirm = (error: unknown) => void;
/** The parameters of amqplib's `publish` on a channel with confirms. */
type Publish = [
  exchange: string,
  routingKey: string,
  body: Buffer,
  options: { readonly headers?: Readonly<Record<string, unknown>> },
  onConfirm: Confirm,
];
type Content = ConsumeMessage['properties'];

export class SimConnection extends EventEmitter {
  /** The code under test frees a dead socket through this. */
  readonly connection = { stream: { destroy: () => undefined } };
  readonly process: SimProcess;
  readonly #toServer: Pipe;
  readonly #toClient: Pipe;
  readonly #broker: BrokerModel;
  readonly #watch: AckWatcher;
  readonly #channels: SimChannel[] = [];
  readonly #serverChannels: ServerChannel[] = [];
  readonly #calls = new Set<(error: Error) => void>();
  #open = true;
  #cut = false;

  constructor(process: SimProcess, broker: BrokerModel, watch: AckWatcher) {
    super();
    this.process = process;
    this.#broker = broker;
    this.#watch = watch;
    this.#toServer = new Pipe(process.world, `${process.name} ⇒ rabbit`);
    this.#toClient = new Pipe(process.world, `${process.name} ⇐ rabbit`, process);
    process.onDeath((requestsLost) => {
      this.cut({ dropsToServer: requestsLost, dropsToClient: true });
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  createChannel(): Promise<SimChannel> {
    return this.#createChannel();
  }

  createConfirmChannel(): Promise<SimChannel> {
    return this.#createChannel();
  }

  close(): Promise<void> {
    return this.call('close', () => undefined).then(() => {
      this.cut({ dropsToServer: false, dropsToClient: false });
    });
  }

  /** Each end notices at its own pace. */
  cut({ dropsToServer, dropsToClient }: Cut): void {
    if (this.#cut) return;
    this.#cut = true;
    const forget = (): void => {
      for (const channel of this.#serverChannels) this.#broker.close(channel);
    };
    const lost = this.#toServer.end('lost', forget, dropsToServer);
    if (lost.some((label) => label.startsWith('ack'))) {
      this.process.world.meet('acknowledgement lost');
    }
    this.#toClient.end(
      'lost',
      () => {
        this.#lose(new Error('Unexpected close'));
      },
      dropsToClient,
    );
  }

  /** Calls a method that has an answer. */
  call<T>(label: string, serve: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.process.alive) return;
      if (!this.#open) {
        reject(new IllegalOperationError('Connection closed'));
        return;
      }
      this.#calls.add(reject);
      this.tell(label, () => {
        const value = serve();
        this.answer(`${label} ok`, () => {
          this.#calls.delete(reject);
          resolve(value);
        });
      });
    });
  }

  /** Sends to the broker. */
  tell(label: string, serve: () => void): void {
    this.#toServer.send(label, serve);
  }

  /** Sends from the broker to the process. */
  answer(label: string, run: () => void): void {
    this.#toClient.send(label, () => {
      if (this.#open) run();
    });
  }

  async #createChannel(): Promise<SimChannel> {
    const channel = new SimChannel(this, this.#broker, this.#watch);
    await this.call('channel', () => {
      this.#serverChannels.push(channel.server);
    });
    this.#channels.push(channel);
    return channel;
  }

  /** As amqplib does it: error, then the channels, then the connection. */
  #lose(error: Error): void {
    if (!this.#open) return;
    this.#open = false;
    this.emit('error', error);
    for (const reject of this.#calls) reject(error);
    this.#calls.clear();
    for (const channel of this.#channels) channel.end();
    this.emit('close', error);
  }
}

export class SimChannel extends EventEmitter {
  readonly server: ServerChannel;
  readonly #connection: SimConnection;
  readonly #broker: BrokerModel;
  readonly #watch: AckWatcher;
  /** Unacknowledged deliveries, as the process sees them. */
  readonly #held = new Map<number, StoredMessage>();
  readonly #unconfirmed = new Set<Confirm>();
  #queueName = '';
  #consume: ((message: ConsumeMessage) => void) | undefined;

  constructor(connection: SimConnection, broker: BrokerModel, watch: AckWatcher) {
    super();
    this.#connection = connection;
    this.#broker = broker;
    this.#watch = watch;
    this.server = new ServerChannel((tag, message) => {
      const { deliveryCount } = message;
      connection.answer(`deliver ${tag}`, () => {
        this.#held.set(tag, message);
        this.#consume?.(toDelivery(message, tag, deliveryCount));
      });
    });
    this.on('close', () => {
      for (const confirm of this.#unconfirmed) confirm(new Error('channel closed'));
    });
  }

  prefetch(count: number): Promise<void> {
    return this.#connection.call('prefetch', () => {
      this.server.prefetch = count;
    });
  }

  async consume(queue: string, onMessage: (message: ConsumeMessage | null) => void) {
    this.#queueName = queue;
    this.#consume = onMessage;
    await this.#connection.call('consume', () => {
      this.#broker.queueNamed(queue).subscribe(this.server);
    });
    return { consumerTag: 'simulated' };
  }

  cancel(): Promise<void> {
    return this.#connection.call('cancel', () => this.server.queue?.unsubscribe(this.server));
  }

  close(): Promise<void> {
    return this.#connection.call('channel close', () => {
      this.#broker.close(this.server);
    });
  }

  ack(message: { fields: { deliveryTag: number } }, allUpTo = false): void {
    if (!this.#connection.process.alive) return;
    this.#assertOpen();
    const { deliveryTag } = message.fields;
    const acknowledged: StoredMessage[] = [];
    for (const [tag, stored] of this.#held) {
      if (tag !== deliveryTag && !(allUpTo && tag < deliveryTag)) continue;
      this.#held.delete(tag);
      acknowledged.push(stored);
    }
    this.#watch(this.#connection.process, acknowledged, this.#queueName);
    this.#connection.tell(`ack ${deliveryTag}`, () => {
      this.#broker.acknowledge(this.server, deliveryTag, allUpTo);
    });
  }

  /** Returns one delivery to the queue. */
  nack({ fields: { deliveryTag } }: { fields: { deliveryTag: number } }): void {
    if (!this.#connection.process.alive) return;
    this.#assertOpen();
    this.#held.delete(deliveryTag);
    this.#connection.tell(`return ${deliveryTag}`, () => {
      this.#broker.requeue(this.server, deliveryTag);
    });
  }

  publish(...[exchange, routingKey, body, options, onConfirm]: Publish): boolean {
    const { headers = {}, ...others } = options;
    if (!this.#connection.process.alive) return true;
    this.#assertOpen();
    const confirm: Confirm = (error) => {
      if (this.#unconfirmed.delete(confirm)) onConfirm(error);
    };
    this.#unconfirmed.add(confirm);
    this.#connection.tell('publish', () => {
      const properties = { ...others, headers };
      const taken = this.#broker.publish({ exchange, routingKey, body, properties });
      this.#connection.answer(taken ? 'confirm' : 'refuse', () => {
        confirm(taken ? null : new Error('message nacked'));
      });
    });
    return true;
  }

  /** Called when the connection is gone. */
  end(): void {
    this.emit('close');
  }

  #assertOpen(): void {
    if (!this.#connection.isOpen) throw new IllegalOperationError('Channel closed');
  }
}

function toDelivery(message: StoredMessage, tag: number, deliveryCount: number): ConsumeMessage {
  const { exchange, routingKey, body, properties } = message;
  const redelivered = deliveryCount > 0;
  return {
    content: body,
    fields: { consumerTag: 'simulated', deliveryTag: tag, redelivered, exchange, routingKey },
    properties: properties as unknown as Content,
  };
}
