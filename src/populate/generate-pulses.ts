/** Good, bad and repeated pulses for demo and tests: the same options give the same bytes. */
import type { RejectionReason } from '../contract/rejection.ts';
import { HOUR_SECONDS, windowStartSec } from '../core/window.ts';
import { BAD_PULSES } from './bad-pulses.ts';
import { PulseWriter, type TrafficOptions } from './pulse-writer.ts';

export interface GeneratorOptions extends TrafficOptions {
  readonly count: number;
  /** Shares of `count`, each 0 to 1; the rest is good. */
  readonly duplicateRatio: number;
  readonly badRatio: number;
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

/**
 * Yields `count` pulses.
 *
 * Does not use the parser, so that a wrong parser shows: the reason of a bad pulse is written beside its
 * text, and amounts are made as text.
 */
export function* generatePulses(options: GeneratorOptions): Generator<GeneratedPulse, void> {
  const { count, badRatio, duplicateRatio, startIndex = 0 } = options;
  const writer = new PulseWriter(options);
  const { random } = writer;
  const remembered: GoodPulse[] = [];
  let goodCount = 0;
  let badCount = 0;
  for (let index = startIndex; index < startIndex + count; index++) {
    const messageId = writer.idOf(index);
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
    const good = goodPulse(writer, messageId, options.windowSeconds);
    remembered[goodCount++ % REMEMBERED_COUNT] = good;
    yield good;
  }
}

function goodPulse(
  writer: PulseWriter,
  messageId: string,
  windowSeconds = HOUR_SECONDS,
): GoodPulse {
  const body = Buffer.from(writer.write(messageId));
  const { tenant, sku, unit, amount, timeMs } = writer;
  return {
    kind: 'good',
    body,
    messageId,
    pulse: {
      tenant,
      product_sku: sku,
      use_unity: unit,
      used_amount: amount,
      windowStartSec: windowStartSec(timeMs, windowSeconds),
    },
  };
}

function badPulse(badIndex: number, messageId: string, nowMs: number): GeneratedPulse {
  const bad = BAD_PULSES[badIndex % BAD_PULSES.length];
  if (bad === undefined) throw new RangeError('There are no bad pulses.');
  return { kind: 'bad', messageId, reason: bad.reason, body: Buffer.from(bad.body(nowMs)) };
}
