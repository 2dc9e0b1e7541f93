/**
 * Compares what was published with what was counted, pulse by pulse.
 *
 * Works like Jepsen's total-queue: every confirmed pulse must be there exactly once, an unconfirmed one at most
 * once, and nothing else. The sums themselves show it: each pulse of a key has its own digit in the sum of the
 * key (see traffic.ts), so even two mistakes that cancel out in a count are found.
 */
import type { Publish } from './intent-log.ts';
import { DIGIT_BASE, PULSES_PER_KEY, nanosOf, type PlannedPulse } from './traffic.ts';

/** A row of table pulses. */
export interface StoredRow {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly window_start: Date;
  readonly used_amount: string;
  readonly pulse_count: string;
  readonly flush_batch_id: string;
}

/** A row of table dead_letters. */
export interface StoredDeadLetter {
  readonly message_id: string | null;
  readonly pulse_index: number | null;
  readonly reason: string;
}

export interface Stored {
  readonly rows: readonly StoredRow[];
  readonly deadLetters: readonly StoredDeadLetter[];
}

/** One pulse that is missing, or that was counted too often. */
export interface Offence {
  readonly id: string;
  readonly key: string;
  readonly times: number;
  /** The flush batches that counted it. */
  readonly batches: readonly string[];
}

export interface Verdict {
  readonly publishes: number;
  readonly unconfirmed: number;
  /** Different pulses that were sent, by kind. */
  readonly good: number;
  readonly anonymous: number;
  readonly poison: number;
  readonly counted: number;
  /** Never confirmed, but stored. */
  readonly recovered: number;
  /** Counted more than once because nothing distinguishes the copies; allowed. */
  readonly anonymousRepeats: number;
  readonly lost: readonly Offence[];
  readonly duplicated: readonly Offence[];
  /** Pulses that nobody sent, and sums that do not fit the pulses of their key. */
  readonly unexpected: readonly string[];
  /** Pulses of tenants that do not belong to this producer. */
  readonly foreignPulses: number;
  /** Confirmed copies of good pulses that were not counted: the books must list at least this many duplicates. */
  readonly refusedAtLeast: number;
}

interface Fate {
  readonly pulse: PlannedPulse;
  sent: number;
  confirmed: number;
  times: number;
  readonly batches: string[];
}

/** @param tenantPrefix Every tenant of the producer starts with it. */
export function checkStored(
  publishes: readonly Publish[],
  stored: Stored,
  tenantPrefix: string,
): Verdict {
  const fates = collectFates(publishes);
  const byKey = groupByKey(fates);
  const unexpected: string[] = [];
  let foreignPulses = 0;
  for (const row of stored.rows) {
    const key = keyOf({ ...row, windowStartSec: row.window_start.getTime() / 1000 });
    if (!row.tenant.startsWith(tenantPrefix)) foreignPulses += Number(row.pulse_count);
    else unexpected.push(...decodeRow(row, key, byKey.get(key) ?? new Map<bigint, Fate>()));
  }
  for (const letter of stored.deadLetters) {
    const complaint = attributeDeadLetter(letter, fates);
    if (complaint !== undefined) unexpected.push(complaint);
  }
  const all = [...fates.values()];
  unexpected.push(...compareSums(stored.rows, byKey));
  const offencesOf = (is: (fate: Fate) => boolean) => all.filter(is).map(toOffence);
  const count = (is: (fate: Fate) => boolean): number => all.filter(is).length;
  const ofKind = (kind: string) => count(({ pulse }) => pulse.kind === kind);
  return {
    publishes: publishes.length,
    unconfirmed: publishes.filter(({ outcome }) => outcome === 'unknown').length,
    good: ofKind('good'),
    anonymous: ofKind('anonymous'),
    poison: ofKind('poison'),
    counted: all.reduce((sum, { pulse, times }) => sum + (pulse.kind === 'poison' ? 0 : times), 0),
    recovered: count(({ confirmed, times }) => confirmed === 0 && times > 0),
    anonymousRepeats: all.reduce(
      (sum, { pulse, times }) => sum + (pulse.kind === 'anonymous' ? Math.max(0, times - 1) : 0),
      0,
    ),
    lost: offencesOf(({ confirmed, times }) => confirmed > 0 && times === 0),
    duplicated: offencesOf(({ pulse, times }) => pulse.kind !== 'anonymous' && times > 1),
    unexpected,
    foreignPulses,
    refusedAtLeast: all.reduce(
      (sum, { pulse, confirmed, times }) =>
        sum + (pulse.kind === 'good' ? Math.max(0, confirmed - times) : 0),
      0,
    ),
  };
}

function collectFates(publishes: readonly Publish[]): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  for (const { pulses, outcome } of publishes) {
    for (const pulse of pulses) {
      let fate = fates.get(pulse.id);
      if (fate === undefined) {
        fate = { pulse, sent: 0, confirmed: 0, times: 0, batches: [] };
        fates.set(pulse.id, fate);
      }
      fate.sent += 1;
      if (outcome === 'confirmed') fate.confirmed += 1;
    }
  }
  return fates;
}

type Key = Pick<PlannedPulse, 'tenant' | 'product_sku' | 'use_unity' | 'windowStartSec'>;

function keyOf({ tenant, product_sku, use_unity, windowStartSec }: Key): string {
  return JSON.stringify([tenant, product_sku, use_unity, windowStartSec]);
}

/** Key → amount → pulse. Poison is left out, because it never enters a sum. */
function groupByKey(fates: ReadonlyMap<string, Fate>): Map<string, Map<bigint, Fate>> {
  const byKey = new Map<string, Map<bigint, Fate>>();
  for (const fate of fates.values()) {
    if (fate.pulse.kind === 'poison') continue;
    const key = keyOf(fate.pulse);
    const ofKey = byKey.get(key) ?? new Map<bigint, Fate>();
    byKey.set(key, ofKey.set(fate.pulse.nanos, fate));
  }
  return byKey;
}

/** Decodes the digits of one row's sum; returns what does not fit. */
function decodeRow(row: StoredRow, key: string, ofKey: ReadonlyMap<bigint, Fate>): string[] {
  const complaints: string[] = [];
  let rest = nanosOf(row.used_amount);
  let pulseCount = 0;
  for (let place = 0; place < PULSES_PER_KEY; place++) {
    const times = Number(rest % DIGIT_BASE);
    rest /= DIGIT_BASE;
    if (times === 0) continue;
    pulseCount += times;
    const fate = ofKey.get(DIGIT_BASE ** BigInt(place));
    if (fate === undefined) {
      complaints.push(`${key} counts pulse ${place} of the key, which was never sent`);
      continue;
    }
    fate.times += times;
    fate.batches.push(row.flush_batch_id);
  }
  if (rest !== 0n || pulseCount !== Number(row.pulse_count)) {
    complaints.push(
      `${key} of batch ${row.flush_batch_id}: ${row.used_amount} in ${row.pulse_count} pulses is no sum of its pulses`,
    );
  }
  return complaints;
}

/** Sums must lie between what was confirmed and what was attempted; anonymous pulses have no upper bound. */
function compareSums(
  rows: readonly StoredRow[],
  byKey: ReadonlyMap<string, ReadonlyMap<bigint, Fate>>,
): string[] {
  const sums = new Map<string, bigint>();
  for (const row of rows) {
    const key = keyOf({ ...row, windowStartSec: row.window_start.getTime() / 1000 });
    sums.set(key, (sums.get(key) ?? 0n) + nanosOf(row.used_amount));
  }
  const complaints: string[] = [];
  for (const [key, ofKey] of byKey) {
    const fates = [...ofKey.values()];
    const total = (some: readonly Fate[]) => some.reduce((sum, { pulse }) => sum + pulse.nanos, 0n);
    const least = total(fates.filter(({ confirmed }) => confirmed > 0));
    const most = total(fates);
    const sum = sums.get(key) ?? 0n;
    const bounded = fates[0]?.pulse.kind !== 'anonymous';
    if (sum < least || (bounded && sum > most)) {
      complaints.push(`${key}: ${sum}e-9 is not between ${least} confirmed and ${most} attempted`);
    }
  }
  return complaints;
}

function attributeDeadLetter(
  { message_id, pulse_index, reason }: StoredDeadLetter,
  fates: ReadonlyMap<string, Fate>,
): string | undefined {
  const id = `${message_id}${pulse_index === null ? '' : `#${pulse_index}`}`;
  const fate = fates.get(id);
  if (fate?.pulse.kind !== 'poison') return `dead letter ${id} (${reason}) is not poison`;
  fate.times += 1;
  return undefined;
}

function toOffence({ pulse, times, batches }: Fate): Offence {
  return { id: pulse.id, key: `${pulse.kind} ${keyOf(pulse)}`, times, batches };
}

/** What is wrong, one line each; empty when nothing is. */
export function complaintsOf(verdict: Verdict): string[] {
  const { lost, duplicated, unexpected } = verdict;
  const named = (what: string, offences: readonly Offence[]): string[] => {
    if (offences.length === 0) return [];
    const some = offences
      .slice(0, 5)
      .map(({ id, key, times, batches }) => `${id} ×${times} ${key} [${batches.join(', ')}]`);
    return [`${offences.length} ${what}: ${some.join('; ')}`];
  };
  return [
    ...named('lost', lost),
    ...named('duplicated', duplicated),
    ...(unexpected.length === 0
      ? []
      : [`${unexpected.length} unexpected: ${unexpected.slice(0, 5).join('; ')}`]),
  ];
}
