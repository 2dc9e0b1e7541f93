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
import { formatAmount } from '../../../../src/core/amount.ts';
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
}

export interface RefusedPulse {
  readonly isCounted: false;
  readonly reason: string;
  readonly detail: string;
}

export type Judgement = CountedPulse | RefusedPulse;

type Origin = Pick<
  components['schemas']['DeadLetter'],
  'id' | 'message_id' | 'pulse_index' | 'properties' | 'received_at'
>;

export function judgeBody(text: string, origin: Origin, nowMs: number): readonly Judgement[] {
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
): Judgement {
  const outcome = parsePulse(value, {
    fallbackId: `${identityOf(origin)}${suffix}`,
    messageTimeSec: messageTimeSec(origin),
    receivedAtMs: nowMs,
    ageMaxMs: AGE_MAX_DAYS_DEFAULT * 86_400_000,
    aheadMaxMs: AHEAD_MAX_MINUTES_DEFAULT * 60_000,
    windowSeconds: 3_600,
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
