/** A batch: deliveries that are settled together, parsed and folded as they arrive. */
import type { Message } from 'amqplib';
import {
  EntryWriter,
  IdFingerprints,
  createEntryKeyMaker,
  type EntryKey,
} from '../aggregate/accumulator.ts';
import { isRefusal, type BodyOutcome } from '../contract/body-outcome.ts';
import type { DeliveredMessage, DeliveryOrigin } from '../contract/dead-letter.ts';
import { KnownKeys } from '../contract/known-keys.ts';
import type { ParsedPulse } from '../contract/pulse.ts';
import type { Rejection } from '../contract/rejection.ts';
import { elementSources } from '../core/json-source.ts';
import { BodyParser, type BodyLimits } from '../contract/parse-body.ts';
import { PulseRecords } from '../contract/pulse-records.ts';
import { NO_ADMISSION, type Admission } from './admission.ts';
import { TakenDeliveries } from './taken-deliveries.ts';

export type Delivery = Message & { readonly fields: { readonly deliveryTag: number } };

export interface RejectedPulse {
  readonly rejection: Rejection;
  readonly delivery: DeliveryOrigin;
  /** The message's body, or one element of an array body. A copy: it may be held for long, and its batch must not be. */
  readonly body: Buffer;
  /** The position in an array body. */
  readonly index: number | undefined;
  readonly deliveryTag: number;
}

export interface BatchOptions {
  /** Deliveries after which a batch is full; for arrays see FULL_PULSES_FACTOR. */
  readonly batchSize: number;
  readonly shards: number;
  readonly dedupeSecret: string;
  readonly limits: BodyLimits;
}

/**
 * A batch of arrays is full at this many times the batch size in pulses; its last array may go beyond.
 *
 * An array takes the memory of one message, and more pulses share more keys. Redis takes no longer for a larger entry.
 */
const FULL_PULSES_FACTOR = 8;

/** A batch is full at this many bytes of bodies, which it copies into one buffer. */
const FULL_BODY_BYTES = 16 * 1024 * 1024;

/** A pulse without a subscription, as far as the newest snapshot knew when it arrived. */
export interface UnadmittedPulse {
  readonly pulse: ParsedPulse;
  readonly deliveryIndex: number;
  /** The position in an array body. */
  readonly index: number | undefined;
  readonly redelivered: boolean;
}

/** The part of a batch for one shard. */
export interface ShardPart {
  readonly shard: number;
  readonly entry: EntryWriter;
}

/** What a thread keeps from batch to batch. */
interface BatchMemory {
  readonly keys: KnownKeys<EntryKey>;
  readonly fingerprints: IdFingerprints;
  readonly parser: BodyParser<EntryKey>;
  readonly admission: Admission;
}

/** Returns a function that opens a batch. */
export function createBatchOpener(
  options: BatchOptions,
  admission: Admission = NO_ADMISSION,
): () => Batch {
  const keys = new KnownKeys(createEntryKeyMaker(options.shards));
  const parser = new BodyParser(options.limits, keys);
  const fingerprints = new IdFingerprints(options.dedupeSecret);
  return () => new Batch(options, { keys, fingerprints, parser, admission });
}

/** Grows by `add` until it is full or taken; then it is only read. */
export class Batch {
  readonly deliveries = new TakenDeliveries();
  /** To be acknowledged, in this order, when the batch is settled. */
  readonly deliveryTags: number[] = [];
  readonly rejected: RejectedPulse[] = [];
  /** Not admitted when they arrived. With `enforce` they are not folded yet. */
  readonly unadmitted: UnadmittedPulse[] = [];
  /** By shard. */
  readonly parts = new Map<number, ShardPart>();
  /** By shard: pulses that were admitted after all, when the batch took no more deliveries. */
  readonly lateParts = new Map<number, ShardPart>();
  pulseCount = 0;
  redeliveredWithoutId = 0;
  /** When the first delivery was received. */
  receivedAtMs = Infinity;
  /** The earliest AMQP timestamp; a delivery without one, or with one in the future, counts from its receipt. */
  oldestSentAtMs = Infinity;
  readonly #options: BatchOptions;
  readonly #memory: BatchMemory;
  readonly #elementSources = new Map<number, readonly string[]>();

  constructor(options: BatchOptions, memory: BatchMemory) {
    this.#options = options;
    this.#memory = memory;
  }

  get isFull(): boolean {
    const { batchSize } = this.#options;
    const { count, bodyBytes } = this.deliveries;
    return (
      count >= batchSize ||
      this.pulseCount >= FULL_PULSES_FACTOR * batchSize ||
      bodyBytes >= FULL_BODY_BYTES
    );
  }

  /** Parses a delivery and folds its pulses. Never throws because of what was sent. */
  add(delivery: Delivery, receivedAtMs: number): void {
    this.deliveries.add(delivery);
    this.deliveryTags.push(delivery.fields.deliveryTag);
    const { messageId, timestamp } = delivery.properties as {
      messageId?: string;
      timestamp?: number;
    };
    const sentAtMs = timestamp === undefined ? receivedAtMs : timestamp * 1000;
    this.receivedAtMs = Math.min(this.receivedAtMs, receivedAtMs);
    this.oldestSentAtMs = Math.min(this.oldestSentAtMs, sentAtMs, receivedAtMs);
    const message = { messageId, timestampSec: timestamp, receivedAtMs };
    const parsed = this.#memory.parser.parse(delivery.content, message);
    if (parsed instanceof PulseRecords) this.#takeRecords(parsed, delivery);
    else if (!Array.isArray(parsed)) this.#take(parsed, delivery, undefined);
    else for (const [index, outcome] of parsed.entries()) this.#take(outcome, delivery, index);
  }

  #takeRecords(records: PulseRecords<EntryKey>, delivery: Delivery): void {
    const isOff = this.#memory.admission.mode === 'off';
    for (let index = 0; index < records.count; index++) {
      const position = records.isArray ? index : undefined;
      const known = records.keys[index];
      if (known === undefined) {
        const outcome = records.others.get(index);
        if (outcome === undefined) throw new RangeError(`No outcome for the element ${index}.`);
        this.#take(outcome, delivery, position);
        continue;
      }
      this.pulseCount += 1;
      if (!isOff && !this.#isAdmitted(known, records.usedAtMs[index] ?? 0)) {
        if (!this.#noteUnadmitted(records.pulseAt(index), delivery, position)) continue;
      }
      const hasId = this.#partOf(known, this.parts).entry.addRecord(records, index, known);
      if (!hasId && delivery.fields.redelivered) this.redeliveredWithoutId += 1;
    }
  }

  #take(outcome: BodyOutcome, delivery: Delivery, index: number | undefined): void {
    this.pulseCount += 1;
    const { deliveryTag } = delivery.fields;
    if (!isRefusal(outcome)) {
      this.#fold(outcome, delivery, index);
      return;
    }
    const { fields, properties } = delivery;
    const body = Buffer.from(outcome.body);
    const { rejection } = outcome;
    this.rejected.push({ rejection, delivery: { fields, properties }, body, index, deliveryTag });
  }

  #fold(pulse: ParsedPulse, delivery: Delivery, index: number | undefined): void {
    const { admission, keys } = this.#memory;
    const known = keys.findDecoded(pulse);
    if (admission.mode !== 'off' && !this.#isAdmitted(known, pulse.usedAtMs)) {
      if (!this.#noteUnadmitted(pulse, delivery, index)) return;
    }
    this.#partOf(known, this.parts).entry.add(pulse, known);
    if (pulse.id === undefined && delivery.fields.redelivered) this.redeliveredWithoutId += 1;
  }

  /** @returns Whether to fold it all the same. */
  #noteUnadmitted(pulse: ParsedPulse, { fields }: Delivery, index: number | undefined): boolean {
    const deliveryIndex = this.deliveries.count - 1;
    this.unadmitted.push({ pulse, deliveryIndex, index, redelivered: fields.redelivered });
    return this.#memory.admission.mode !== 'enforce';
  }

  /** Most windows lie within a subscription. Such a key is looked up once, until subscriptions change. */
  #isAdmitted(known: EntryKey, usedAtMs: number): boolean {
    const { table } = this.#memory.admission;
    if (known.admittedVersion === table.version) return true;
    const { tenant, sku, windowStartSec } = known.key;
    const fromMs = windowStartSec * 1000;
    const toMs = fromMs + this.#options.limits.windowSeconds * 1000 - 1;
    if (!table.admitsAll(tenant, sku, { fromMs, toMs })) return table.admits(tenant, sku, usedAtMs);
    known.admittedVersion = table.version;
    return true;
  }

  /** Folds a pulse that was not folded when it arrived. */
  foldLate({ pulse, redelivered }: UnadmittedPulse): void {
    const known = this.#memory.keys.findDecoded(pulse);
    this.#partOf(known, this.lateParts).entry.add(pulse, known);
    if (pulse.id === undefined && redelivered) this.redeliveredWithoutId += 1;
  }

  #partOf({ shard }: EntryKey, parts: Map<number, ShardPart>): ShardPart {
    let part = parts.get(shard);
    if (part === undefined) {
      part = { shard, entry: new EntryWriter(this.#memory.fingerprints) };
      parts.set(shard, part);
    }
    return part;
  }

  reject(
    { deliveryIndex, index }: Pick<UnadmittedPulse, 'deliveryIndex' | 'index'>,
    rejection: Rejection,
  ): RejectedPulse {
    const delivery = this.deliveries.at(deliveryIndex);
    const deliveryTag = this.deliveryTags[deliveryIndex];
    if (delivery === undefined || deliveryTag === undefined) {
      throw new RangeError('No pulse at that position.');
    }
    const body =
      index === undefined
        ? Buffer.from(delivery.content)
        : Buffer.from(this.#elementSourcesOf(deliveryIndex, delivery)[index] ?? '');
    const { fields, properties } = delivery;
    return { rejection, delivery: { fields, properties }, body, index, deliveryTag };
  }

  /** Cached, because many pulses of one long array may be refused. */
  #elementSourcesOf(deliveryIndex: number, { content }: DeliveredMessage): readonly string[] {
    let sources = this.#elementSources.get(deliveryIndex);
    if (sources === undefined) {
      sources = elementSources(content.toString('utf8'));
      this.#elementSources.set(deliveryIndex, sources);
    }
    return sources;
  }
}
