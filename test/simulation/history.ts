/** What was sent, and the invariants: at every acknowledgement, after every step, and when all is quiet. */
import { QUEUE, type BrokerModel, type StoredMessage } from './broker-model.ts';
import type { PostgresModel } from './postgres-model.ts';
import type { RedisModel } from './redis-model.ts';
import { addTo, assertExactRows, assertSameSums, sumsOf, type Sum } from './rows.ts';
import type { SentMessage, SentPulse } from './traffic.ts';
import { Violation, type SimProcess } from './world.ts';

interface Servers {
  readonly broker: BrokerModel;
  readonly redis: RedisModel;
  readonly postgres: PostgresModel;
}

export class History {
  readonly #servers: Servers;
  readonly #peaceful: boolean;
  readonly #sent = new Map<Buffer, SentMessage>();
  readonly #confirmed: SentMessage[] = [];
  readonly #acknowledged: SentPulse[] = [];
  /** Bodies of everything that reached the dead-letter queue, which loses nothing. */
  readonly #deadTexts = new Set<string>();
  #deadSeen = 0;
  /** The lines of each flushed batch at the last check. */
  readonly #linesSeen = new Map<string, number>();

  constructor(servers: Servers, { peaceful }: { peaceful: boolean }) {
    this.#servers = servers;
    this.#peaceful = peaceful;
  }

  attempted(message: SentMessage): void {
    this.#sent.set(message.publication.body, message);
  }

  confirmed(message: SentMessage): void {
    this.#confirmed.push(message);
  }

  /** Acknowledged ⊆ applied ∪ dead-lettered, at the moment when the process sends the acknowledgement. */
  acknowledging(process: SimProcess, messages: readonly StoredMessage[], queue: string): void {
    const violate = (what: string): void => {
      process.world.violate(`${process.name} acknowledged ${what}`);
    };
    if (messages.length === 0) violate('out of order, or twice');
    for (const message of messages) {
      if (queue !== QUEUE) {
        if (this.#rowsOf(message).length === 0) violate('a dead letter before it was written');
        continue;
      }
      for (const pulse of this.#pulsesOf(message)) {
        if (!this.#isAccounted(pulse)) violate(`${pulse.text} before it was counted`);
        this.#acknowledged.push(pulse);
      }
    }
  }

  /** @throws Violation */
  afterStep(): void {
    for (const pulse of this.#acknowledged) {
      if (!this.#isAccounted(pulse)) throw new Violation(`lost: ${pulse.text}`);
    }
    const { batches } = this.#servers.redis;
    const { rows, ledger } = this.#servers.postgres;
    const batchIds = new Set<string>();
    for (const batch of batches) {
      batchIds.add(batch.batchId);
      const lines = rows.get(batch.batchId);
      if (ledger.has(batch.batchId) !== (lines !== undefined)) {
        throw new Violation(`${batch.batchId}: ledger and rows disagree`);
      }
      if (lines === undefined) {
        if (batch.state === 'discarded')
          throw new Violation(`${batch.batchId} lost: never flushed`);
      } else if (lines.length !== this.#linesSeen.get(batch.batchId)) {
        if (batch.state === 'live') throw new Violation(`${batch.batchId} flushed while it grows`);
        assertExactRows(batch, lines);
        this.#linesSeen.set(batch.batchId, lines.length);
      }
    }
    for (const batchId of rows.keys()) {
      if (!batchIds.has(batchId)) throw new Violation(`rows of an unknown batch ${batchId}`);
    }
    this.#assertBooks();
  }

  /** appended = counted + duplicates + journalled; counted = flushed + sealed + live; and the journal has what is journalled. */
  #assertBooks(): void {
    const { redis, postgres } = this.#servers;
    for (const model of redis.shards) {
      const { shard, appended, counted, duplicates, journalled, journalBytes, journal } = model;
      let sums = 0n;
      for (const { batchId, state, pulseCount } of model.batches)
        sums +=
          state === 'discarded' ? (postgres.ledger.get(batchId)?.pulseCount ?? 0n) : pulseCount;
      const inJournal = journal.reduce((sum, { pulseCount }) => sum + pulseCount, 0);
      const bytes = journal.reduce((sum, entry) => sum + entry.bytes.length, 0);
      const balanced = appended === counted + duplicates + journalled && counted === sums;
      if (!balanced || journalled !== BigInt(inJournal) || journalBytes !== bytes)
        throw new Violation(`the books of shard ${shard} do not balance`);
    }
  }

  /** The invariants for the time when nothing more can happen. @throws Violation */
  whenQuiet(): void {
    const { broker, redis } = this.#servers;
    if (!broker.pulses.isSettled) throw new Violation('stuck: pulses wait and nobody takes them');
    if (!broker.dead.isSettled)
      throw new Violation('stuck: dead letters wait and nobody takes them');
    if (redis.hasJournal) throw new Violation('stuck: pulses are journalled and nobody folds them');
    if (redis.held().length > 0) throw new Violation('stuck: sums wait and nobody flushes them');
    const enqueued = new Set(broker.pulses.history.map(({ body }) => body));
    for (const { publication } of this.#confirmed) {
      if (!enqueued.has(publication.body)) throw new Violation('lost: a confirmed message');
    }
    this.#assertEachCounted();
    this.#assertSums();
  }

  #assertEachCounted(): void {
    const copies = new Map<string, { pulse: SentPulse; message: StoredMessage; count: number }>();
    for (const message of this.#servers.broker.pulses.history) {
      for (const pulse of this.#pulsesOf(message)) {
        const { messageId } = message.properties as { messageId?: string };
        // Without any id, the same pulse in another packing is just one more copy.
        const place = pulse.kind === 'anonymous' ? '' : String(pulse.index);
        const key = `${messageId ?? ''} ${place} ${pulse.text}`;
        const known = copies.get(key);
        if (known === undefined) copies.set(key, { pulse, message, count: 1 });
        else known.count += 1;
      }
    }
    const expected = new Set<string>();
    for (const { pulse, message, count } of copies.values()) {
      const counted = this.#servers.redis.oracle.counted.get(pulse.identity) ?? 0;
      const dead = this.#deadCopies(pulse, message);
      if (pulse.kind !== 'bad') expected.add(pulse.identity);
      const found = { counted, dead, sent: count, peaceful: this.#peaceful };
      if (!isRight(pulse, found)) {
        throw new Violation(
          `${pulse.kind} ${pulse.text}: sent ${count}, counted ${counted}, dead letters ${dead}`,
        );
      }
    }
    for (const identity of this.#servers.redis.oracle.counted.keys()) {
      if (!expected.has(identity)) throw new Violation(`counted and never sent: ${identity}`);
    }
  }

  /** Σ rows = Σ pulses, per tenant, SKU and unit, to the last digit. */
  #assertSums(): void {
    const { redis, postgres } = this.#servers;
    const expected = new Map<string, Sum>();
    const seen = new Set<string>();
    for (const pulse of [...this.#sent.values()].flatMap(({ pulses }) => pulses)) {
      if (seen.has(pulse.identity)) continue;
      seen.add(pulse.identity);
      const count = redis.oracle.counted.get(pulse.identity) ?? 0;
      if (count > 0) addTo(expected, pulse.sumKey, { nanos: BigInt(count) * pulse.nanos, count });
    }
    assertSameSums(sumsOf([...postgres.rows.values()].flat()), expected, 'in rows');
  }

  #pulsesOf({ body }: StoredMessage): readonly SentPulse[] {
    return this.#sent.get(body)?.pulses ?? [];
  }

  #isAccounted({ kind, identity, text }: SentPulse): boolean {
    const { dead } = this.#servers.broker;
    for (; this.#deadSeen < dead.history.length; this.#deadSeen++) {
      this.#deadTexts.add(String(dead.history[this.#deadSeen]?.body));
    }
    const counted = kind !== 'bad' && this.#servers.redis.oracle.counted.has(identity);
    return counted || (kind === 'bad' && this.#deadTexts.has(text));
  }

  #rowsOf(dead: StoredMessage) {
    return [...this.#servers.postgres.deadLetters.values()].filter(({ body }) =>
      body.equals(dead.body),
    );
  }

  #deadCopies({ text, index }: SentPulse, { properties }: StoredMessage): number {
    const { messageId = null } = properties as { messageId?: string };
    return [...this.#servers.postgres.deadLetters.values()].filter(
      (row) =>
        row.body.toString() === text &&
        row.messageId === messageId &&
        row.pulseIndex === (index ?? null),
    ).length;
  }
}

/**
 * | kind | counted | dead letters |
 * |---|---|---|
 * | good | once | none |
 * | anonymous | at least once per copy, exactly once per copy when nothing failed | none |
 * | bad | never | one, or without an identity at least one per copy |
 */
function isRight(
  { kind, hasIdentity }: SentPulse,
  {
    counted,
    dead,
    sent,
    peaceful,
  }: { counted: number; dead: number; sent: number; peaceful: boolean },
): boolean {
  switch (kind) {
    case 'good':
      return counted === 1 && dead === 0;
    case 'anonymous':
      return (peaceful ? counted === sent : counted >= sent) && dead === 0;
    case 'bad':
      return counted === 0 && (hasIdentity ? dead === 1 : dead >= sent);
  }
}
