/**
 * Finds the key of a pulse by the bytes of its names, as they stand in a body. A known key needs no string.
 *
 * A hash table with open addressing over an arena of bytes. A name that is spelt in two ways, with an escape and
 * without, makes two entries, which is harmless.
 */
import { randomBytes } from 'node:crypto';
import { decodeText } from './json-text.ts';
import { isSku, isTenant, isUnit } from './parse-pulse.ts';
import type { AggregateKey } from './pulse.ts';

/** Where the names of a pulse stand in a body, between their quotes. */
export interface NameSpans {
  tenantStart: number;
  tenantEnd: number;
  skuStart: number;
  skuEnd: number;
  unitStart: number;
  unitEnd: number;
}

export function noNames(): NameSpans {
  return { tenantStart: 0, tenantEnd: 0, skuStart: 0, skuEnd: 0, unitStart: 0, unitEnd: 0 };
}

/** A longer name, with its escapes, is not kept. */
export const NAME_BYTES_MAX = 512;

/** With more keys, or more bytes of names, the table is emptied. So many keys take some 30 MB. */
const KEYS_MAX = 50_000;
const ARENA_BYTES = 4 * 1024 * 1024;
/** A power of two, more than twice the keys. */
const PLACES = 2 ** 17;
/** A key is in one of so many places. When all are taken, a new key replaces one: no search is ever long. */
const PROBES = 8;

export class KnownKeys<K> {
  readonly #create: (key: AggregateKey) => K;
  /** Keeps a tenant from choosing names that share a place. */
  readonly #seed = randomBytes(4).readInt32LE();
  /** At each place an entry, counted from 1; 0 is free. */
  readonly #places = new Int32Array(PLACES);
  readonly #hashes = new Int32Array(KEYS_MAX);
  readonly #windows = new Float64Array(KEYS_MAX);
  /** Where the names of an entry are in the arena, one after the other. */
  readonly #tenants = new Int32Array(KEYS_MAX);
  readonly #skus = new Int32Array(KEYS_MAX);
  readonly #units = new Int32Array(KEYS_MAX);
  readonly #ends = new Int32Array(KEYS_MAX);
  readonly #arena = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #arenaEnd = 0;
  #values: K[] = [];

  /** @param create Makes what is kept for a key. */
  constructor(create: (key: AggregateKey) => K) {
    this.#create = create;
  }

  /** What is kept for a key; undefined when a name breaks a rule, or is not JSON in UTF-8. */
  find(bytes: Buffer, spans: NameSpans, windowStartSec: number): K | undefined {
    const hash = this.#hashOf(bytes, spans, windowStartSec);
    for (let probe = 0; probe < PROBES; probe++) {
      const entry = (this.#places[placeOf(hash, probe)] ?? 0) - 1;
      if (entry < 0) break;
      if (
        this.#hashes[entry] === hash &&
        this.#windows[entry] === windowStartSec &&
        this.#hasNames(entry, bytes, spans)
      ) {
        return this.#values[entry];
      }
    }
    const key = readNames(bytes, spans);
    if (key === undefined) return undefined;
    const value = this.#create({ ...key, windowStartSec });
    this.#remember(bytes, spans, { windowStartSec, hash, value });
    return value;
  }

  /** The same for names that have been decoded and found right. */
  findDecoded({ tenant, sku, unit, windowStartSec }: AggregateKey): K {
    const names = [tenant, sku, unit].map((name) => JSON.stringify(name).slice(1, -1));
    const [tenantEnd = 0, skuBytes = 0, unitBytes = 0] = names.map((name) =>
      Buffer.byteLength(name),
    );
    const skuEnd = tenantEnd + skuBytes;
    const spans = { tenantStart: 0, tenantEnd, skuStart: tenantEnd, skuEnd, unitStart: skuEnd };
    const bytes = Buffer.from(names.join(''));
    const found = this.find(bytes, { ...spans, unitEnd: skuEnd + unitBytes }, windowStartSec);
    if (found === undefined) throw new RangeError('A name breaks a rule.');
    return found;
  }

  #hashOf(bytes: Buffer, spans: NameSpans, windowStartSec: number): number {
    let hash = this.#seed ^ windowStartSec;
    hash = hashBytes(hash, bytes, spans.tenantStart, spans.tenantEnd);
    hash = hashBytes(hash, bytes, spans.skuStart, spans.skuEnd);
    return hashBytes(hash, bytes, spans.unitStart, spans.unitEnd);
  }

  #hasNames(entry: number, bytes: Buffer, spans: NameSpans): boolean {
    const tenant = this.#tenants[entry] ?? 0;
    const sku = this.#skus[entry] ?? 0;
    const unit = this.#units[entry] ?? 0;
    const end = this.#ends[entry] ?? 0;
    return (
      sku - tenant === spans.tenantEnd - spans.tenantStart &&
      unit - sku === spans.skuEnd - spans.skuStart &&
      end - unit === spans.unitEnd - spans.unitStart &&
      isSame(this.#arena, tenant, bytes, spans.tenantStart, spans.tenantEnd) &&
      isSame(this.#arena, sku, bytes, spans.skuStart, spans.skuEnd) &&
      isSame(this.#arena, unit, bytes, spans.unitStart, spans.unitEnd)
    );
  }

  #remember(
    bytes: Buffer,
    spans: NameSpans,
    { windowStartSec, hash, value }: { windowStartSec: number; hash: number; value: K },
  ): void {
    if (
      this.#values.length === KEYS_MAX ||
      this.#arenaEnd + 3 * NAME_BYTES_MAX > this.#arena.length
    ) {
      this.#places.fill(0);
      this.#values = [];
      this.#arenaEnd = 0;
    }
    const entry = this.#values.length;
    this.#values.push(value);
    this.#hashes[entry] = hash;
    this.#windows[entry] = windowStartSec;
    this.#tenants[entry] = this.#arenaEnd;
    this.#skus[entry] = this.#copy(bytes, spans.tenantStart, spans.tenantEnd);
    this.#units[entry] = this.#copy(bytes, spans.skuStart, spans.skuEnd);
    this.#ends[entry] = this.#copy(bytes, spans.unitStart, spans.unitEnd);
    this.#places[this.#freePlace(hash)] = entry + 1;
  }

  /** @returns The end of the arena. */
  #copy(bytes: Buffer, start: number, end: number): number {
    this.#arenaEnd += bytes.copy(this.#arena, this.#arenaEnd, start, end);
    return this.#arenaEnd;
  }

  #freePlace(hash: number): number {
    for (let probe = 0; probe < PROBES; probe++) {
      if (this.#places[placeOf(hash, probe)] === 0) return placeOf(hash, probe);
    }
    return placeOf(hash, 0);
  }
}

function readNames(
  bytes: Buffer,
  spans: NameSpans,
): Omit<AggregateKey, 'windowStartSec'> | undefined {
  const tenant = decodeText(bytes, spans.tenantStart, spans.tenantEnd);
  const sku = decodeText(bytes, spans.skuStart, spans.skuEnd);
  const unit = decodeText(bytes, spans.unitStart, spans.unitEnd);
  return isTenant(tenant) && isSku(sku) && isUnit(unit) ? { tenant, sku, unit } : undefined;
}

/** FNV-1a, and a step for the end, so that bytes cannot move from one name to the next. */
function hashBytes(seed: number, bytes: Buffer, start: number, end: number): number {
  let hash = seed;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (end - start), 0x85ebca6b);
  return hash ^ (hash >>> 15);
}

function placeOf(hash: number, probe: number): number {
  return (hash + probe) & (PLACES - 1);
}

// oxlint-disable-next-line max-params -- An object for each call would cost more than the comparison.
function isSame(arena: Buffer, from: number, bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    if (arena[from + at - start] !== bytes[at]) return false;
  }
  return true;
}
