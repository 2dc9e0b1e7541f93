/**
 * Pulse in the simulation: the production code of producers, ingest, aggregators, quarantine and flush, wired as in production,
 * between models of the three servers.
 */
import type { ChannelModel } from 'amqplib';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { PulseError, TransientError } from '../../src/core/errors.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { verifyBooks } from '../../src/flush/books.ts';
import { NO_ADMISSION } from '../../src/ingest/admission.ts';
import { startConsumer, type Consumer } from '../../src/ingest/consumer.ts';
import { UNTRACED } from '../../src/ingest/trace-batches.ts';
import { createPublisher, type Publisher } from '../../src/publish/publisher.ts';
import { startQuarantineWriter } from '../../src/quarantine/writer.ts';
import { startAggregators, type Aggregators } from './aggregators.ts';
import { SimConnection } from './amqp-connection.ts';
import { BrokerModel, QUEUE } from './broker-model.ts';
import { History } from './history.ts';
import { rabbitDoors } from './rabbit-doors.ts';
import { createSimPool, type SimClient } from './postgres-client.ts';
import { PostgresModel } from './postgres-model.ts';
import { RedisModel } from './redis-model.ts';
import { SECRET } from './identity.ts';
import type { SentMessage } from './traffic.ts';
import type { SimProcess, World } from './world.ts';

/** The options of a run; drawn by fast-check. */
export interface SystemOptions {
  readonly shards: number;
  readonly batchSize: number;
  readonly prefetch: number;
  readonly journalBytesMax: number;
  /** A generation of ids is closed when it has so many. */
  readonly generationIdsMax: number;
  /** How long a batch is retried before its connection is closed. */
  readonly retryForMs: number;
  readonly locksWork: boolean;
  /** Nothing fails, so anonymous pulses must count exactly once too. */
  readonly peaceful: boolean;
  /** For choices that fast-check need not draw. */
  readonly seed: number;
}

export interface Worker {
  readonly process: SimProcess;
  readonly consumer: Consumer;
  readonly publisher: Publisher;
  readonly aggregators: Aggregators;
}

const HOUR_MS = 3_600_000;
const LIMITS = {
  bodyBytesMax: 10_000,
  pulseAgeMaxMs: 800 * HOUR_MS,
  pulseAheadMaxMs: 800 * HOUR_MS,
  windowSeconds: 3_600,
};
const PUBLISH_ATTEMPTS = 4;
const logger = pino({ level: 'silent' });

export class System {
  readonly world: World;
  readonly broker: BrokerModel;
  readonly redis: RedisModel;
  readonly postgres: PostgresModel;
  readonly history: History;
  workers: Worker[] = [];
  flushers: SimProcess[] = [];
  readonly #options: SystemOptions;
  readonly #connections: SimConnection[] = [];
  readonly #clients: SimClient[] = [];
  readonly #stopping = new Set<SimProcess>();
  #producer: Publisher | undefined;
  #quarantine: SimProcess | undefined;
  /** Work that must have ended when all is quiet. */
  #busy = 0;

  constructor(world: World, options: SystemOptions, random: () => number) {
    this.world = world;
    this.#options = options;
    this.broker = new BrokerModel(world);
    this.redis = new RedisModel(world, {
      shards: options.shards,
      // A batch of two shards could be appended to one only, and its anonymous pulses would count twice.
      journalBytesMax: options.peaceful ? Infinity : options.journalBytesMax,
      random,
    });
    this.postgres = new PostgresModel(world, options);
    this.history = new History(this, options);
  }

  /** Whether aggregators that wait have something to do, so that time passes for them. */
  get hasWork(): boolean {
    return this.redis.hasJournal || [...this.#stopping].some(({ running }) => running);
  }

  get busy(): boolean {
    return this.#busy > 0;
  }

  /** The connections that are still open. */
  get connections(): SimConnection[] {
    return this.#connections.filter(({ isOpen }) => isOpen);
  }

  get clients(): SimClient[] {
    return this.#clients.filter(({ isCut }) => !isCut);
  }

  get quarantineAlive(): boolean {
    return this.#quarantine?.alive === true;
  }

  /** Publishes until it is confirmed, but only a few times, as a careful producer does. */
  publish(message: SentMessage): void {
    this.#producer ??= createPublisher({ url: this.#door(this.world.spawn('producer')), logger });
    const { publication } = message;
    const attempt = async (left: number): Promise<void> => {
      try {
        await this.#producer?.publish(publication);
        this.history.confirmed(message);
      } catch (error) {
        if (!(error instanceof TransientError)) throw error;
        if (left > 1) await attempt(left - 1);
      }
    };
    this.history.attempted(message);
    this.#track(attempt(PUBLISH_ATTEMPTS));
  }

  startWorker(): void {
    const process = this.world.spawn('worker');
    const url = this.#door(process);
    const publisher = createPublisher({ url, logger });
    const accumulator = this.redis.clientOf(process);
    const { shards, batchSize, prefetch, retryForMs, generationIdsMax } = this.#options;
    const consumer = startConsumer(
      {
        rabbitmqUrl: url,
        queue: QUEUE,
        prefetch,
        batchLingerMs: 5,
        deliveryFilter: false,
        batch: { batchSize, shards, dedupeSecret: SECRET, limits: LIMITS },
      },
      {
        accumulator,
        admission: NO_ADMISSION,
        publishDeadLetter: (publication) => publisher.publish(publication),
        deadExchange: `${QUEUE}.dead`,
        probe: () => accumulator.probe(0),
        retryForMs,
        logger,
        onStep: () => undefined,
        aroundBatch: UNTRACED,
        onCounts: () => undefined,
        onState: () => undefined,
        onFatal: this.world.fail.bind(this.world),
      },
    );
    const aggregators = startAggregators(this.redis, process, { generationIdsMax, logger });
    this.workers.push({ process, consumer, publisher, aggregators });
  }

  /** SIGTERM. */
  drain({ process, consumer, publisher, aggregators }: Worker): void {
    const drained = consumer
      .drain(10_000)
      .then(() => {
        this.#stopping.add(process);
        aggregators.stop();
        return aggregators.ended;
      })
      .then(() => publisher.close());
    this.#track(
      drained.then(() => {
        process.die(false);
      }),
      process,
    );
  }

  startQuarantine(): void {
    const process = this.world.spawn('quarantine');
    this.#quarantine = process;
    const fail = (error: Error): void => {
      this.world.fail(error);
    };
    startQuarantineWriter({
      url: this.#door(process),
      queue: QUEUE,
      pool: this.#pool(process),
      logger,
      onFatal: fail,
    });
  }

  killQuarantine(requestsLost: boolean): void {
    this.#quarantine?.die(requestsLost);
  }

  /** One `pulse flush`. */
  startFlush(): void {
    const process = this.world.spawn('flusher');
    this.flushers.push(process);
    const deps = {
      accumulator: this.redis.clientOf(process),
      pool: this.#pool(process),
      logger,
    };
    const flushed = flushAll(deps, { retryBackoff: { baseMs: 10, capMs: 50 } }).then(
      () => undefined,
      (error: unknown) => {
        if (!isPassing(error)) throw error;
      },
    );
    this.#track(
      flushed.then(() => {
        process.die(false);
      }),
      process,
    );
  }

  /** Seals a shard like a flusher that dies right after. */
  sealAlone(shard: number): void {
    const process = this.world.spawn('sealer');
    void this.redis
      .clientOf(process)
      .seal(shard % this.#options.shards)
      .catch(() => undefined);
  }

  /** One `pulse verify`. Its answer must be right at any moment. With `mustAnswer`, it must have one. */
  verify(mustAnswer = false): void {
    const process = this.world.spawn('verifier');
    const books = verifyBooks({
      accumulator: this.redis.clientOf(process),
      pool: this.#pool(process),
    });
    const judged = books.then(
      ({ balanced, drift, journalDrift }) => {
        if (!balanced)
          this.world.violate(`the books drift by ${drift}, the journal by ${journalDrift}`);
        if (!mustAnswer) this.world.meet('books balanced amid faults');
        process.die(false);
      },
      (error: unknown) => {
        if (mustAnswer) throw error;
        process.die(false);
      },
    );
    this.#track(judged, process);
  }

  #pool(process: SimProcess): Pool {
    return createSimPool(process, this.postgres, (client) => this.#clients.push(client));
  }

  /** The URL that only this process uses to reach the broker. */
  #door(process: SimProcess): string {
    const url = `amqp://${process.name}`;
    rabbitDoors.set(url, async () => {
      const refused = this.broker.refusals > 0;
      if (refused) this.broker.refusals -= 1;
      await process.ask('rabbit connect', () => undefined, {
        fate: refused ? 'refused' : 'answered',
        failure: () => new Error('connect ECONNREFUSED'),
      });
      const connection = new SimConnection(process, this.broker, (...args) => {
        this.history.acknowledging(...args);
      });
      this.#connections.push(connection);
      return connection as unknown as ChannelModel;
    });
    return url;
  }

  /** Counts work as busy until it ends or its process dies. */
  #track(work: Promise<void>, process?: SimProcess): void {
    this.#busy += 1;
    let over = false;
    const end = (): void => {
      if (!over) this.#busy -= 1;
      over = true;
    };
    process?.onDeath(end);
    work.then(end, (error: unknown) => {
      end();
      this.world.fail(error);
    });
  }
}

/** A flush may report that a server was unavailable. It must never report that a batch does not add up. */
function isPassing(error: unknown): boolean {
  return error instanceof PulseError && error.retryable;
}
