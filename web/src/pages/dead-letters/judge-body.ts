/**
 * What ingest will make of a body. The API has no question for that, so the console applies the rules of ingest with
 * the same code. It cannot know what only ingest does: whether an id was counted before, and subscriptions.
 */
import { parsePulse } from '../../../../src/contract/parse-pulse.ts';
import {
  AGE_MAX_DAYS_DEFAULT,
  AHEAD_MAX_MINUTES_DEFAULT,
  ARRAY_LENGTH_MAX,
} from '../../../../src/contract/rules.ts';
import { addSum, formatAmount, parseSum, type AmountSum } from '../../../../src/core/amount.ts';
import { elementSources } from '../../../../src/core/json-source.ts';
import type { components } from '../../api/schema.d.ts';

export interface CountedPulse {
  readonly isCounted: true;
  readonly tenant: string;
  readonly sku: string;
  readonly unit: string;
  /** A decimal text. */
  readonly amount: string;
  readonly usedAt: Date;
  readonly id: string;
  /** What pulses before it in the same body add to the same sum. */
  readonly addedBefore: string;
  /** One before it in the same body has the same tenant and id, so it adds nothing. */
  readonly isRepeat: boolean;
}

export interface RefusedPulse {
  readonly isCounted: false;
  readonly reason: string;
  readonly detail: string;
}

export type Judgement = CountedPulse | RefusedPulse;

type LonePulse = Omit<CountedPulse, 'addedBefore' | 'isRepeat'>;

const HOUR_MS = 3_600_000;

type Origin = Pick<
  components['schemas']['DeadLetter'],
  'id' | 'message_id' | 'pulse_index' | 'properties' | 'received_at'
>;

export function judgeBody(text: string, origin: Origin, nowMs: number): readonly Judgement[] {
  const sums = new Map<string, AmountSum>();
  const ids = new Set<string>();
  return judgeEach(text, origin, nowMs).map((one) =>
    one.isCounted ? { ...one, ...addedTo(one, { sums, ids }) } : one,
  );
}

/** A sentence when nothing in a body will count; undefined for what may, and for messages, which others judge. */
export function refusalOf(
  text: string,
  { queue, body_is_cut, ...origin }: Origin & { queue: string | null; body_is_cut: boolean },
  nowMs: number,
): string | undefined {
  if (queue !== null || body_is_cut) return undefined;
  const judged = judgeBody(text, origin, nowMs);
  if (judged.some(({ isCounted }) => isCounted)) return undefined;
  const isByTime = judged.some((one) => !one.isCounted && isAboutTime(one.reason));
  return `It will be refused again${isByTime ? ', by the default limits' : ''}.`;
}

/** Notes a pulse in the sums and ids of its body. */
function addedTo(
  pulse: LonePulse,
  { sums, ids }: { sums: Map<string, AmountSum>; ids: Set<string> },
): Pick<CountedPulse, 'addedBefore' | 'isRepeat'> {
  const { tenant, sku, unit, amount, usedAt, id } = pulse;
  const key = JSON.stringify([tenant, sku, unit, hourOf(usedAt).from]);
  const sum = sums.get(key) ?? { high: 0, whole: 0, nano: 0 };
  sums.set(key, sum);
  const addedBefore = formatAmount(sum);
  const identity = JSON.stringify([tenant, id]);
  const isRepeat = ids.has(identity);
  ids.add(identity);
  const added = parseSum(amount);
  if (!isRepeat && added !== undefined) addSum(sum, added);
  return { addedBefore, isRepeat };
}

/** The hour whose sum a pulse is in, as bounds of the API. */
export function hourOf(usedAt: Date): { readonly from: string; readonly to: string } {
  const fromMs = Math.floor(usedAt.getTime() / HOUR_MS) * HOUR_MS;
  return { from: new Date(fromMs).toISOString(), to: new Date(fromMs + HOUR_MS).toISOString() };
}

/** What is needed to say how sure the rest is. */
type Certainty = Pick<
  components['schemas']['DeadLetter'],
  'reason' | 'state' | 'maybe_counted_since'
>;

/** Sentences about what may keep those that the rules let through from changing anything. */
export function doubtsOf({ reason, state, maybe_counted_since }: Certainty): string[] {
  return [
    ...(state === 'replayed' || maybe_counted_since !== null
      ? ['It may have been counted before. If it was counted before, nothing changes.']
      : []),
    ...(reason === 'no_subscription'
      ? [
          'There was no subscription when it was used. It counts only if there is one for that time by now.',
        ]
      : []),
    ...(isAboutTime(reason)
      ? ['Whether its timestamp is acceptable is judged by the default limits.']
      : []),
  ];
}

/** The API does not tell the limits of the installation. */
export function isAboutTime(reason: string): boolean {
  return reason === 'timestamp_too_old' || reason === 'timestamp_in_future';
}

function judgeEach(
  text: string,
  origin: Origin,
  nowMs: number,
): readonly (LonePulse | RefusedPulse)[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return [refused('malformed_json', `The body is not JSON: ${(error as Error).message}`)];
  }
  if (!Array.isArray(value)) return [judge(value, text, { origin, nowMs, suffix: '' })];
  if (value.length === 0) return [refused('empty_array', 'An array holds at least one pulse.')];
  if (value.length > ARRAY_LENGTH_MAX) {
    const detail = `An array holds at most ${ARRAY_LENGTH_MAX} pulses, not ${value.length}.`;
    return [refused('array_too_long', detail)];
  }
  const sources = elementSources(text);
  return value.map((element, index) =>
    judge(element, sources[index] ?? '', { origin, nowMs, suffix: `#${index}` }),
  );
}

function judge(
  value: unknown,
  source: string,
  { origin, nowMs, suffix }: { origin: Origin; nowMs: number; suffix: string },
): LonePulse | RefusedPulse {
  const outcome = parsePulse(value, {
    fallbackId: `${identityOf(origin)}${suffix}`,
    messageTimeSec: messageTimeSec(origin),
    receivedAtMs: nowMs,
    ageMaxMs: AGE_MAX_DAYS_DEFAULT * 86_400_000,
    aheadMaxMs: AHEAD_MAX_MINUTES_DEFAULT * 60_000,
    windowSeconds: HOUR_MS / 1_000,
    source: () => source,
  });
  if (!outcome.ok) return refused(outcome.rejection.reason, outcome.rejection.detail);
  const { tenant, sku, unit, amount, usedAtMs, id } = outcome.pulse;
  return {
    isCounted: true,
    tenant,
    sku,
    unit,
    amount: formatAmount({ high: 0, ...amount }),
    usedAt: new Date(usedAtMs),
    id: id ?? '',
  };
}

/** Of a pulse without an id of its own, as a replay sends it. */
function identityOf({ id, message_id, pulse_index }: Origin): string {
  if (message_id === null || message_id.includes('\ufffd')) return `dead-letter:${id}`;
  return pulse_index === null ? message_id : `${message_id}#${pulse_index}`;
}

function messageTimeSec({ properties, received_at }: Origin): number {
  const { timestampSec } = properties;
  return typeof timestampSec === 'number'
    ? timestampSec
    : Math.floor(Date.parse(received_at) / 1_000);
}

function refused(reason: string, detail: string): RefusedPulse {
  return { isCounted: false, reason, detail };
}
