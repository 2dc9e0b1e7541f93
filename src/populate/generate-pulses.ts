/** Test traffic for populate, demo, benchmarks and tests: the same options give the same bytes. */
import { createHash } from 'node:crypto';
import type { RejectionReason } from '../contract/rejection.ts';
import { HOUR_SECONDS, windowStartSec } from '../core/window.ts';
import { BAD_PULSES } from './bad-pulses.ts';
import { createRandom, type Random } from './random.ts';

export interface GeneratorOptions {
  /** 32 bits. */
  readonly seed: number;
  readonly count: number;
  /** How many different names; at least 1 each. The first few hold awkward characters. */
  readonly tenants: number;
  readonly skus: number;
  readonly units: number;
  /** Timestamps lie within this many hours before `nowMs`; stay below the age limit. */
  readonly hours: number;
  readonly nowMs: number;
  /** Shares of `count`, each 0 to 1; the rest is good. */
  readonly duplicateRatio: number;
  readonly badRatio: number;
  /** Each index of each run has its own pulse id. */
  readonly runId: string;
  /** The length of the windows of what is expected. Default: an hour. */
  readonly windowSeconds?: number;
  /** Index of the first pulse, when several generators share a run. */
  readonly startIndex?: number;
}

/** What a good pulse adds to the sums. */
export interface ExpectedPulse {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  /** Exact decimal text. */
  readonly used_amount: string;
  readonly windowStartSec: number;
}

/** `good` is counted; `duplicate` repeats id and body of an earlier good pulse; `bad` is refused for `reason`. */
export type GeneratedPulse = { readonly body: Buffer; readonly messageId: string } & (
  | { readonly kind: 'good'; readonly pulse: ExpectedPulse }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'bad'; readonly reason: RejectionReason }
);

type GoodPulse = Extract<GeneratedPulse, { kind: 'good' }>;

/** Good pulses that a later duplicate may repeat. */
const REMEMBERED_COUNT = 4096;
const MS_PER_HOUR = 3_600_000;

/**
 * Yields `count` pulses.
 *
 * Does not use the parser, so that a wrong parser shows: the reason of a bad pulse is written beside its
 * text, and amounts are made as text.
 */
export function* generatePulses(options: GeneratorOptions): Generator<GeneratedPulse, void> {
  const { seed, count, badRatio, duplicateRatio, startIndex = 0 } = options;
  const random = createRandom(seed);
  const names = namesOf(options);
  const idPrefix = idPrefixOf(options.runId);
  const remembered: GoodPulse[] = [];
  let goodCount = 0;
  let badCount = 0;
  for (let index = startIndex; index < startIndex + count; index++) {
    const messageId = idPrefix + index.toString(16).padStart(12, '0');
    const chance = random.fraction();
    if (chance < badRatio) {
      yield badPulse(badCount++, messageId, options.nowMs);
      continue;
    }
    const original = remembered[random.below(Math.max(1, remembered.length))];
    if (chance < badRatio + duplicateRatio && original !== undefined) {
      yield { kind: 'duplicate', body: original.body, messageId: original.messageId };
      continue;
    }
    const good = goodPulse(messageId, random, { names, options });
    remembered[goodCount++ % REMEMBERED_COUNT] = good;
    yield good;
  }
}

interface Names {
  readonly tenants: readonly Name[];
  readonly skus: readonly Name[];
  readonly units: readonly Name[];
}

interface Name {
  readonly text: string;
  readonly json: string;
}

const AWKWARD_TENANTS = [
  'a:b|c"😀',
  "O'Brien \\ Söhne",
  '{s}:live',
  'テナント,%s',
  ' spaced  out ',
];
const AWKWARD_SKUS = ['cpu/hour: "big"|1', 'disk;DROP TABLE pulses', '\\N'];
const AWKWARD_UNITS = ['GB·h', 'm²|"'];

function namesOf({ tenants, skus, units }: GeneratorOptions): Names {
  return {
    tenants: makeNames(tenants, 'tenant', AWKWARD_TENANTS),
    skus: makeNames(skus, 'sku', AWKWARD_SKUS),
    units: makeNames(units, 'unit', AWKWARD_UNITS),
  };
}

function makeNames(count: number, stem: string, awkward: readonly string[]): Name[] {
  return Array.from({ length: count }, (_, index) => {
    const text = awkward[index] ?? `${stem}-${String(index).padStart(4, '0')}`;
    return { text, json: JSON.stringify(text) };
  });
}

/** The first 24 characters of a UUID of version 8; the index of the pulse is the rest. */
function idPrefixOf(runId: string): string {
  const hex = createHash('sha256').update(runId).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-`;
}

function goodPulse(
  messageId: string,
  random: Random,
  { names, options }: { names: Names; options: GeneratorOptions },
): GoodPulse {
  const tenant = pick(names.tenants, random);
  const sku = pick(names.skus, random);
  const unit = pick(names.units, random);
  const timeMs = options.nowMs - Math.floor(random.fraction() * options.hours * MS_PER_HOUR);
  const { text, json } = makeAmount(random);
  // Half of the pulses leave their identity to the AMQP message.
  const id = random.below(2) === 0 ? `"id":"${messageId}",` : '';
  const body =
    `{${id}"tenant":${tenant.json},"product_sku":${sku.json},"use_unity":${unit.json},` +
    `"used_amount":${json},"timestamp":"${new Date(timeMs).toISOString()}"}`;
  return {
    kind: 'good',
    body: Buffer.from(body),
    messageId,
    pulse: {
      tenant: tenant.text,
      product_sku: sku.text,
      use_unity: unit.text,
      used_amount: text,
      windowStartSec: windowStartSec(timeMs, options.windowSeconds ?? HOUR_SECONDS),
    },
  };
}

function pick(names: readonly Name[], random: Random): Name {
  const name = names[random.below(names.length)];
  if (name === undefined) throw new RangeError('tenants, skus and units must be at least 1.');
  return name;
}

/** Never 0. A number has at most 9 significant digits; a string up to 12 before and 9 after the point. */
function makeAmount(random: Random): { text: string; json: string } {
  const form = random.below(16);
  if (form < 4) {
    const text = `${random.below(100_000)}.${1 + random.below(9)}${random.below(10)}`;
    return { text, json: text };
  }
  if (form < 6) {
    const text = String(1 + random.below(1_000));
    return { text, json: text };
  }
  const whole = form === 6 ? random.below(1_000_000) * 1_000_000 + 1 : random.below(10_000);
  const decimals = 1 + random.below(9);
  const fraction = String(1 + random.below(10 ** decimals - 1)).padStart(decimals, '0');
  const text = `${whole}.${fraction}`;
  return { text, json: `"${text}"` };
}

function badPulse(badIndex: number, messageId: string, nowMs: number): GeneratedPulse {
  const bad = BAD_PULSES[badIndex % BAD_PULSES.length];
  if (bad === undefined) throw new RangeError('There are no bad pulses.');
  return { kind: 'bad', messageId, reason: bad.reason, body: Buffer.from(bad.body(nowMs)) };
}
