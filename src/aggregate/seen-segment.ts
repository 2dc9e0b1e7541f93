/** Cuts a closed generation into the pieces in which it is stored: segments by the first bits of an id, and in them pages. */
import { copyId, ID_BYTES } from './id-fingerprint.ts';
import { SeenFilter } from './seen-filter.ts';
import { firstBits, PART_BITS, type SeenTable } from './seen-table.ts';

const PAGE_BITS = 6;
const PAGE_COUNT = 2 ** PAGE_BITS;

export interface Segment {
  readonly filter: SeenFilter;
  /** Those that have ids. */
  readonly pages: readonly { readonly page: number; readonly ids: Buffer }[];
}

/** Where the id at `offset` belongs. @param segmentBits At most PART_BITS. */
export function segmentOf(ids: Uint8Array, offset: number, segmentBits: number): number {
  return firstBits(ids, offset, segmentBits);
}

export function pageOf(ids: Uint8Array, offset: number, segmentBits: number): number {
  return firstBits(ids, offset, segmentBits + PAGE_BITS) % PAGE_COUNT;
}

/** Cuts one segment out of a table. Takes a few milliseconds. */
export function cutSegment(
  table: SeenTable,
  { segment, segmentBits }: { segment: number; segmentBits: number },
): Segment {
  const partCount = 2 ** (PART_BITS - segmentBits);
  const ids = table.idsOfParts(segment * partCount, (segment + 1) * partCount);
  return { filter: SeenFilter.build(ids), pages: sortIntoPages(ids, segmentBits) };
}

function sortIntoPages(ids: Buffer, segmentBits: number): Segment['pages'] {
  const sizes = new Uint32Array(PAGE_COUNT);
  for (let offset = 0; offset < ids.length; offset += ID_BYTES) {
    const page = pageOf(ids, offset, segmentBits);
    sizes[page] = (sizes[page] ?? 0) + ID_BYTES;
  }
  const pages = Array.from(sizes, (size, page) => ({ page, ids: Buffer.allocUnsafe(size) }));
  sizes.fill(0);
  for (let offset = 0; offset < ids.length; offset += ID_BYTES) {
    const page = pageOf(ids, offset, segmentBits);
    const target = pages[page]?.ids;
    if (target === undefined) throw new RangeError(`There is no page ${page}.`);
    const at = sizes[page] ?? 0;
    copyId(target, at, ids, offset);
    sizes[page] = at + ID_BYTES;
  }
  return pages.filter((page) => page.ids.length > 0);
}
