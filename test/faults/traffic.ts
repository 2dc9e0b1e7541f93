/** What a round publishes: pulses whose sums show which of them were counted, and how often. */
import type { Random } from '../../src/populate/random.ts';

/**
 * - `good` has its own id or uses that of the message: counted exactly once, however often it is sent.
 * - `anonymous` has no id at all: counted at least once.
 * - `poison` is refused: quarantined exactly once.
 */
export type PulseKind = 'good' | 'anonymous' | 'poison';

/** One pulse of a publication. */
export interface PlannedPulse {
  readonly kind: PulseKind;
  /** Unique in the round, the same in every publication of the same pulse. */
  readonly id: string;
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  /** In units of 10⁻⁹: `DIGIT_BASE` to the power of the pulse's position among the pulses of its key. */
  readonly nanos: bigint;
  readonly windowStartSec: number;
  /** Its position in an array body. */
  readonly index: number | undefined;
}

export interface PlannedPublication {
  readonly messageId: string | undefined;
  readonly body: Buffer;
  readonly pulses: readonly PlannedPulse[];
}

/** Each pulse of a key has its own digit in the sum of the key; it may be counted 7 times before the digit overflows. */
export const DIGIT_BASE = 8n;
/** The largest amount, 8²⁰ × 10⁻⁹, is far below the maximum of one pulse. */
export const PULSES_PER_KEY = 20;

const OPEN_KEYS = 40;
const HOUR_SEC = 3600;
const SHARE = { poison: 0.03, anonymous: 0.02, array: 0.1, repeat: 0.08 };
const REMEMBERED = 300;

interface OpenKey {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly windowStartSec: number;
  used: number;
}

/** Yields publications until they contain about `pulseCount` pulses; `name` keeps rounds apart. */
export function* planTraffic(options: {
  readonly random: Random;
  readonly name: string;
  readonly pulseCount: number;
  readonly nowMs: number;
}): Generator<PlannedPublication, void> {
  const { random, name, pulseCount } = options;
  const nextKey = keySource(options);
  const earlier: PlannedPublication[] = [];
  let sequence = 0;
  const idOf = () => `${name}:${(sequence++).toString(36)}`;
  const plan = (kind: PulseKind, id: string, index?: number): PlannedPulse => ({
    ...takePlace(nextKey(kind)),
    kind,
    id,
    index,
  });
  for (let planned = 0; planned < pulseCount;) {
    const chance = random.fraction();
    let publication: PlannedPublication;
    const repeated = earlier[random.below(REMEMBERED)];
    if (chance < SHARE.repeat && repeated !== undefined) publication = repeated;
    else if (chance < SHARE.repeat + SHARE.array) publication = planArray(random, idOf, plan);
    else publication = planSingle(random, idOf, plan);
    if (publication.messageId !== undefined) {
      earlier[random.below(REMEMBERED)] = publication;
    }
    planned += publication.pulses.length;
    yield publication;
  }
}

type Plan = (kind: PulseKind, id: string, index?: number) => PlannedPulse;

function planSingle(random: Random, idOf: () => string, plan: Plan): PlannedPublication {
  const chance = random.fraction();
  const id = idOf();
  if (chance < SHARE.anonymous) {
    const pulse = plan('anonymous', id);
    return { messageId: undefined, body: bodyOf(fieldsOf(pulse)), pulses: [pulse] };
  }
  if (chance < SHARE.anonymous + SHARE.poison) {
    const pulse = plan('poison', id);
    const body = random.below(2) === 0 ? Buffer.from('{"tenant":') : bodyOf(poisonOf(pulse));
    return { messageId: id, body, pulses: [pulse] };
  }
  const pulse = plan('good', id);
  // The identity is the message's alone, or the pulse's own next to one of the message.
  return random.below(2) === 0
    ? { messageId: id, body: bodyOf(fieldsOf(pulse)), pulses: [pulse] }
    : { messageId: `of ${id}`, body: bodyOf({ ...fieldsOf(pulse), id }), pulses: [pulse] };
}

function planArray(random: Random, idOf: () => string, plan: Plan): PlannedPublication {
  const messageId = idOf();
  const ownIds = random.below(2) === 0;
  const length = 1 + random.below(12);
  const poisonAt = random.below(4) === 0 ? random.below(length) : -1;
  const pulses = Array.from({ length }, (_, index) =>
    plan(index === poisonAt ? 'poison' : 'good', `${messageId}#${index}`, index),
  );
  const elements = pulses.map((pulse) => ({
    ...(pulse.kind === 'poison' ? poisonOf(pulse) : fieldsOf(pulse)),
    ...(ownIds && pulse.kind === 'good' ? { id: pulse.id } : {}),
  }));
  return { messageId, body: bodyOf(elements), pulses };
}

function takePlace(key: OpenKey) {
  const { used, ...fields } = key;
  key.used += 1;
  return { ...fields, nanos: DIGIT_BASE ** BigInt(used) };
}

function fieldsOf({ tenant, product_sku, use_unity, nanos, windowStartSec }: PlannedPulse) {
  const timestamp = new Date((windowStartSec + Number(nanos % 3_599n)) * 1000).toISOString();
  return { tenant, product_sku, use_unity, used_amount: decimalOf(nanos), timestamp };
}

function poisonOf(pulse: PlannedPulse) {
  return { ...fieldsOf(pulse), used_amount: '-1' };
}

function bodyOf(content: unknown): Buffer {
  return Buffer.from(JSON.stringify(content));
}

/** Several keys are open at a time. One whose positions are used up is replaced by a new one. */
function keySource({ random, name, nowMs }: { random: Random; name: string; nowMs: number }) {
  const open = new Map<string, OpenKey>();
  let opened = 0;
  return (kind: PulseKind): OpenKey => {
    const place = `${kind} ${kind === 'good' ? random.below(OPEN_KEYS) : 0}`;
    let key = open.get(place);
    if (key === undefined || key.used === PULSES_PER_KEY) {
      const hoursAgo = 1 + random.below(4);
      key = {
        tenant: `${name} ${kind} ${opened % 50}`,
        product_sku: `sku:${opened++}|"`,
        use_unity: ['GB', 'm²|"', 'h'][random.below(3)]!,
        windowStartSec: (Math.floor(nowMs / 1000 / HOUR_SEC) - hoursAgo) * HOUR_SEC,
        used: 0,
      };
      open.set(place, key);
    }
    return key;
  };
}

/** Exact decimal text of an amount in units of 10⁻⁹. */
export function decimalOf(nanos: bigint): string {
  const digits = nanos.toString().padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** The reverse. */
export function nanosOf(decimal: string): bigint {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}
