/**
 * The remembered ids in Redis: the calls behind seen-ids.ts.
 *
 * A generation is a list of chunks, which commits append to, until it is compact; then it is one hash and one filter a
 * segment. Every write is refused when the lease belongs to another aggregator.
 */
import { FatalError } from '../core/errors.ts';
import type { RedisClient } from '../platform/redis.ts';
import { ID_BYTES } from './id-fingerprint.ts';
import { generationKeys, shardKeys } from './keys.ts';
import { SeenFilter } from './seen-filter.ts';
import type { Segment } from './seen-segment.ts';
import type { Dropping, Generation } from './seen-state.ts';
import { SeenTable } from './seen-table.ts';
import { classify, createShardCalls, leaseLost } from './shard-calls.ts';

export interface SeenStoreOptions {
  readonly redis: RedisClient;
  readonly shard: number;
  /** The value of the shard's lease while it belongs to this aggregator. */
  readonly leaseToken: string;
}

/** Where an id may be stored. */
export interface PageRef {
  readonly generation: number;
  readonly segment: number;
  readonly page: number;
}

/** What one reply should have at most. */
const REPLY_BYTES = 1_000_000;
/** Elements of a list in one reply. */
const CHUNKS_MAX = 1_000;
/** A page has 2,500 to 5,000 bytes, a filter 40,000 to 80,000. */
const PAGES_AT_ONCE = 200;
const FILTERS_AT_ONCE = 12;

export type SeenStore = ReturnType<typeof createSeenStore>;

/** All methods throw as those of createAccumulator, and the writing ones TransientError PULSE_REDIS_LEASE. */
export function createSeenStore(options: SeenStoreOptions) {
  return { ...readingCalls(options), ...writingCalls(options) };
}

function readingCalls({ redis, shard, leaseToken }: SeenStoreOptions) {
  const read = <T>(reply: Promise<T>): Promise<T> =>
    reply.catch(async (error: unknown) => {
      throw await classify(redis, error);
    });

  /** The replies of many reads, in order, a few at a time. */
  const readMany = async <T>(
    items: readonly T[],
    atOnce: number,
    command: (item: T) => Promise<Buffer | null>,
  ): Promise<(Buffer | null)[]> => {
    const replies: (Buffer | null)[] = [];
    for (let first = 0; first < items.length; first += atOnce) {
      const step = items.slice(first, first + atOnce).map(command);
      replies.push(...(await read(Promise.all(step))));
    }
    return replies;
  };

  /** Another aggregator may have deleted what is missing here. */
  const refuse = async (what: string): Promise<never> => {
    if ((await read(redis.get(shardKeys(shard).lease))) !== leaseToken) throw leaseLost();
    throw new FatalError(
      'PULSE_REDIS_SEEN',
      `Redis has lost ids of pulses, which could be counted twice now: ${what}. ` +
        'Restore the append-only file of Redis and start again.',
    );
  };

  return {
    /** The ids of a generation that is not compact. @throws FatalError PULSE_REDIS_SEEN */
    readTable: async ({ number, count }: Generation): Promise<SeenTable> => {
      const { chunks: key } = generationKeys(shard, number);
      const table = new SeenTable();
      let stepSize = 1;
      for (let first = 0; ;) {
        const chunks = await read(redis.lrangeBuffer(key, first, first + stepSize - 1));
        for (const chunk of chunks) addAll(table, chunk);
        if (chunks.length < stepSize) break;
        first += stepSize;
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0) / stepSize;
        stepSize = Math.max(1, Math.min(2 * stepSize, CHUNKS_MAX, Math.floor(REPLY_BYTES / bytes)));
      }
      if (table.size !== count) await refuse(`${key} has ${table.size} ids instead of ${count}`);
      return table;
    },

    /** The filters of a compact generation, by segment. @throws FatalError PULSE_REDIS_SEEN */
    readFilters: async ({ number, segmentBits }: Dropping): Promise<SeenFilter[]> => {
      const keys = generationKeys(shard, number);
      const segments = Array.from({ length: 2 ** segmentBits }, (_, segment) => segment);
      const replies = await readMany(segments, FILTERS_AT_ONCE, (segment) =>
        redis.getBuffer(keys.filter(segment)),
      );
      const filters = replies.filter((filter) => filter !== null);
      if (filters.length < segments.length) await refuse(`filters of ${keys.chunks} are missing`);
      return filters.map((filter) => SeenFilter.fromBuffer(filter));
    },

    /** The packed ids of pages; null for one that has none. */
    readPages: (refs: readonly PageRef[]): Promise<(Buffer | null)[]> =>
      readMany(refs, PAGES_AT_ONCE, ({ generation, segment, page }) =>
        redis.hgetBuffer(generationKeys(shard, generation).segment(segment), String(page)),
      ),
  };
}

function writingCalls({ redis, shard, leaseToken }: SeenStoreOptions) {
  const { call } = createShardCalls({ redis, replicasMin: 0 });
  const { lease } = shardKeys(shard);

  return {
    /** Stores one segment of a closed generation. Safe to repeat. */
    async writeSegment(
      generation: number,
      segment: number,
      { filter, pages }: Segment,
    ): Promise<void> {
      const keys = generationKeys(shard, generation);
      await call(
        'pulse_seen_segment',
        [lease, keys.segment(segment), keys.filter(segment)],
        [leaseToken, filter.toBuffer(), ...pages.flatMap(({ page, ids }) => [String(page), ids])],
      );
    },

    /** Deletes the chunks of a generation. Safe to repeat. */
    async dropChunks({ number }: Pick<Generation, 'number'>): Promise<void> {
      await call('pulse_seen_drop', [lease, generationKeys(shard, number).chunks], [leaseToken]);
    },

    /** Deletes some segments of a generation. Safe to repeat. */
    async dropSegments(
      { number }: Pick<Generation, 'number'>,
      { first, end }: { first: number; end: number },
    ): Promise<void> {
      const keys = generationKeys(shard, number);
      const dropped: string[] = [];
      for (let segment = first; segment < end; segment++) {
        dropped.push(keys.segment(segment), keys.filter(segment));
      }
      await call('pulse_seen_drop', [lease, ...dropped], [leaseToken]);
    },
  };
}

function addAll(table: SeenTable, ids: Buffer): void {
  for (let offset = 0; offset < ids.length; offset += ID_BYTES) table.add(ids, offset);
}

/** Whether a page has the id at `offset` of `ids`. */
export function pageHas(page: Buffer, ids: Buffer, offset: number): boolean {
  const id = ids.subarray(offset, offset + ID_BYTES);
  let at = page.indexOf(id);
  // Elsewhere the bytes are the end of one id and the beginning of the next.
  while (at !== -1 && at % ID_BYTES !== 0) at = page.indexOf(id, at + 1);
  return at !== -1;
}
