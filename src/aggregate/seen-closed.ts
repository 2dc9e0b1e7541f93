/**
 * One closed generation: its ids never change.
 *
 * At first its table answers, exactly. `compactStep` stores it in Redis, segment by segment; after the last one only
 * filters are left in memory. A filter's "no" is final, its "maybe" is settled by reading one page from Redis.
 */
import { ID_BYTES } from './id-fingerprint.ts';
import type { SeenFilter } from './seen-filter.ts';
import { cutSegment, pageOf, segmentOf } from './seen-segment.ts';
import type { Dropping } from './seen-state.ts';
import type { PageRef, SeenStore } from './seen-store.ts';
import type { SeenTable } from './seen-table.ts';

/** What closed generations say about a batch of ids; an index counts ids from 0. */
export interface Suspects {
  readonly ids: Buffer;
  /** Ids that a closed generation has. */
  readonly held: number[];
  /** Pages that may have an id. */
  readonly open: (PageRef & { readonly index: number })[];
}

export class ClosedGeneration {
  readonly number: number;
  readonly #segmentBits: number;
  #table: SeenTable | undefined;
  /** Of the segments that are stored; of all of them once there is no table. */
  readonly #filters: SeenFilter[];
  #hasChunks = true;

  /** @param contents All ids, or the filters of a compact generation by segment. */
  constructor({ number, segmentBits }: Dropping, contents: SeenTable | readonly SeenFilter[]) {
    this.number = number;
    this.#segmentBits = segmentBits;
    this.#table = 'size' in contents ? contents : undefined;
    this.#filters = 'size' in contents ? [] : [...contents];
  }

  get isCompact(): boolean {
    return this.#table === undefined;
  }

  /** Whether Redis still has its chunks, or may have them. */
  get hasChunks(): boolean {
    return this.#hasChunks;
  }

  get memoryBytes(): number {
    const tableBytes = this.#table?.memoryBytes ?? 0;
    return this.#filters.reduce((sum, filter) => sum + filter.memoryBytes, tableBytes);
  }

  /** Adds those of the ids that are, or may be, in this generation. */
  findSuspects({ ids, held, open }: Suspects): void {
    const table = this.#table;
    const filters = this.#filters;
    const segmentBits = this.#segmentBits;
    for (let offset = 0, index = 0; offset < ids.length; offset += ID_BYTES, index++) {
      if (table !== undefined) {
        if (table.has(ids, offset)) held.push(index);
        continue;
      }
      const segment = segmentOf(ids, offset, segmentBits);
      if (filters[segment]?.mayHave(ids, offset) === false) continue;
      const page = pageOf(ids, offset, segmentBits);
      open.push({ index, generation: this.number, segment, page });
    }
  }

  /** Stores the next segment. Safe to repeat after an error, or by another aggregator after a crash. */
  async compactStep(store: SeenStore): Promise<void> {
    if (this.#table === undefined) return;
    const segment = this.#filters.length;
    const cut = cutSegment(this.#table, { segment, segmentBits: this.#segmentBits });
    await store.writeSegment(this.number, segment, cut);
    this.#filters.push(cut.filter);
    if (this.#filters.length === 2 ** this.#segmentBits) this.#table = undefined;
  }

  async dropChunks(store: SeenStore): Promise<void> {
    await store.dropChunks(this);
    this.#hasChunks = false;
  }
}
