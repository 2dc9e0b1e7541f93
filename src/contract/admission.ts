/** Admission: whether a tenant had a subscription for a SKU when a pulse was used. No clock, no I/O. */

export const ADMISSION_MODES = ['off', 'observe', 'enforce'] as const;

/** What happens to a pulse without a subscription: nothing; it is counted and reported; it is refused. */
export type AdmissionMode = (typeof ADMISSION_MODES)[number];

/** A change of a subscription that was not withdrawn, in effect or pending. */
export interface AdmissionChange {
  readonly kind: 'purchased' | 'canceled' | 'restarted';
  readonly atMs: number;
}

/** A subscription: whom it admits, and from when to when. */
export interface AdmissionRow {
  readonly id: string;
  /** Of its customer, as it is now; null admits nothing. */
  readonly tenant: string | null;
  /** Null: every SKU. */
  readonly sku: string | null;
  /** When it is active: pairs of a start and an end, which is not included, in order. Infinity: no end. */
  readonly intervals: readonly number[];
}

/**
 * When a subscription is active.
 *
 * @param changes In the order in which they were made, which is also that of their times.
 * @param earliestMs Intervals that ended before are left out: no pulse is that old.
 */
export function toIntervals(changes: readonly AdmissionChange[], earliestMs: number): number[] {
  const intervals: number[] = [];
  for (const { kind, atMs } of changes) {
    const isActive = intervals.length % 2 === 1;
    if (isActive === (kind === 'canceled')) intervals.push(atMs);
  }
  if (intervals.length % 2 === 1) intervals.push(Infinity);
  return afterEarliest(intervals, earliestMs);
}

/** The intervals that had not ended at `earliestMs`. */
export function afterEarliest(intervals: readonly number[], earliestMs: number): number[] {
  const first = intervals.findIndex((atMs, index) => index % 2 === 1 && atMs > earliestMs);
  return first === -1 ? [] : intervals.slice(first - 1);
}

/** Both are included. */
interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What the subscriptions of one tenant and SKU cover together. */
interface Cover {
  readonly rows: Map<string, AdmissionRow>;
  /** Undefined: to be computed from the rows. */
  intervals: readonly number[] | undefined;
}

/** Subscriptions, to look up for every pulse. */
export class AdmissionTable {
  readonly #rows = new Map<string, AdmissionRow>();
  /** By tenant and SKU; null is every SKU. */
  readonly #tenants = new Map<string, Map<string | null, Cover>>();
  #version = 1;

  constructor(rows: readonly AdmissionRow[] = []) {
    this.apply(rows);
  }

  /** Above 0; another one after every change. */
  get version(): number {
    return this.#version;
  }

  /** Adds rows. Each replaces the one with its id; one that admits nothing only removes it. */
  apply(rows: readonly AdmissionRow[]): void {
    this.#version += 1;
    for (const row of rows) {
      const before = this.#rows.get(row.id);
      if (before !== undefined) this.#remove(before);
      this.#add(row);
    }
  }

  admits(tenant: string, sku: string, usedAtMs: number): boolean {
    return this.admitsAll(tenant, sku, { fromMs: usedAtMs, toMs: usedAtMs });
  }

  /** Whether one interval holds every instant from `fromMs` to `toMs`; no is not certain where subscriptions overlap. */
  admitsAll(tenant: string, sku: string, stretch: Stretch): boolean {
    const covers = this.#tenants.get(tenant);
    if (covers === undefined) return false;
    return isCovered(covers.get(sku), stretch) || isCovered(covers.get(null), stretch);
  }

  #add(row: AdmissionRow): void {
    const { id, tenant, sku, intervals } = row;
    if (tenant === null || intervals.length === 0) return;
    this.#rows.set(id, row);
    const covers = this.#tenants.get(tenant) ?? new Map<string | null, Cover>();
    this.#tenants.set(tenant, covers);
    const cover = covers.get(sku) ?? { rows: new Map<string, AdmissionRow>(), intervals };
    covers.set(sku, cover);
    cover.rows.set(id, row);
    cover.intervals = undefined;
  }

  #remove({ id, tenant, sku }: AdmissionRow): void {
    this.#rows.delete(id);
    const covers = tenant === null ? undefined : this.#tenants.get(tenant);
    const cover = covers?.get(sku);
    if (tenant === null || covers === undefined || cover === undefined) return;
    cover.rows.delete(id);
    cover.intervals = undefined;
    if (cover.rows.size === 0) covers.delete(sku);
    if (covers.size === 0) this.#tenants.delete(tenant);
  }
}

function isCovered(cover: Cover | undefined, { fromMs, toMs }: Stretch): boolean {
  if (cover === undefined) return false;
  cover.intervals ??= union([...cover.rows.values()].map(({ intervals }) => intervals));
  const { intervals } = cover;
  // From the end: most pulses are new.
  for (let index = intervals.length - 2; index >= 0; index -= 2) {
    if (fromMs >= (intervals[index] ?? Infinity)) return toMs < (intervals[index + 1] ?? 0);
  }
  return false;
}

/** The intervals in which at least one of the lists has one, in order and apart from each other. */
function union(lists: readonly (readonly number[])[]): readonly number[] {
  const [only] = lists;
  if (only !== undefined && lists.length === 1) return only;
  const pairs = lists.flatMap((list) =>
    list.flatMap((atMs, index) => (index % 2 === 0 ? [[atMs, list[index + 1] ?? 0] as const] : [])),
  );
  pairs.sort(([one], [other]) => one - other);
  const merged: number[] = [];
  for (const [start, end] of pairs) {
    const last = merged.at(-1);
    if (last === undefined || start > last) merged.push(start, end);
    else merged[merged.length - 1] = Math.max(last, end);
  }
  return merged;
}
