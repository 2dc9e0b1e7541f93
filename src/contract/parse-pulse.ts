/** Turns one parsed JSON value into a pulse, or into the reason why it is refused. No clock, no I/O. */
import { parseAmount, type Amount, type AmountProblem } from '../core/amount.ts';
import type { ParsedPulse } from './pulse.ts';
import type { Rejection, RejectionReason } from './rejection.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import { windowStartSec } from '../core/window.ts';
import { memberSource } from '../core/json-source.ts';
import * as rules from './rules.ts';

/** What a pulse takes from its message, and the limits for it. */
export interface PulseContext {
  /** The id of a pulse without its own: the message's, with `#index` added inside an array. */
  readonly fallbackId: string | undefined;
  /** The message's AMQP timestamp. */
  readonly messageTimeSec: number | undefined;
  readonly receivedAtMs: number;
  readonly ageMaxMs: number;
  readonly aheadMaxMs: number;
  readonly windowSeconds: number;
  /** The pulse's JSON text; may be empty when no number in it is long enough to have lost digits. */
  readonly source: () => string;
}

export type PulseOutcome =
  | { readonly ok: true; readonly pulse: ParsedPulse }
  | { readonly ok: false; readonly rejection: Rejection };

const TENANT = new RegExp(rules.TENANT_PATTERN, 'u');
const SKU = new RegExp(rules.SKU_PATTERN, 'u');
const UNIT = new RegExp(rules.UNIT_PATTERN, 'u');
const ID = new RegExp(rules.ID_PATTERN, 'u');

/**
 * Checks one pulse, field by field in the order of the contract; the first wrong field decides.
 *
 * Unknown fields are ignored.
 */
export function parsePulse(value: unknown, context: PulseContext): PulseOutcome {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return reject('not_an_object', 'A pulse is a JSON object.');
  }
  const { tenant, product_sku, use_unity, used_amount, id, timestamp } = value as Record<
    string,
    unknown
  >;
  if (!isTenant(tenant)) {
    return reject('invalid_tenant', textRule('tenant', rules.TENANT_LENGTH_MAX));
  }
  if (!isSku(product_sku)) {
    return reject('invalid_product_sku', textRule('product_sku', rules.SKU_LENGTH_MAX));
  }
  if (!isUnit(use_unity)) {
    return reject('invalid_use_unity', textRule('use_unity', rules.UNIT_LENGTH_MAX));
  }
  const amount = readAmount(used_amount, context);
  if ('reason' in amount) return { ok: false, rejection: amount };
  if (id !== undefined && !isId(id)) {
    return reject('invalid_id', `id must be a string of 1 to ${rules.ID_LENGTH_MAX} characters.`);
  }
  if (id === undefined && !isUsableFallback(context.fallbackId)) {
    return reject(
      'invalid_id',
      'The AMQP message_id is not UTF-8: different ids would become one.',
    );
  }
  const timeMs = readTime(timestamp, context);
  if (typeof timeMs !== 'number') return { ok: false, rejection: timeMs };
  return {
    ok: true,
    pulse: {
      tenant,
      sku: product_sku,
      unit: use_unity,
      amount,
      usedAtMs: timeMs,
      windowStartSec: windowStartSec(timeMs, context.windowSeconds),
      id: id ?? context.fallbackId,
    },
  };
}

/** A message id that is not UTF-8 was decoded with this character. */
export function isUsableFallback(id: string | undefined): boolean {
  return id?.includes('\ufffd') !== true;
}

export function isTenant(value: unknown): value is string {
  return isText(value, TENANT);
}

export function isSku(value: unknown): value is string {
  return isText(value, SKU);
}

export function isUnit(value: unknown): value is string {
  return isText(value, UNIT);
}

export function isId(value: unknown): value is string {
  return isText(value, ID);
}

function isText(value: unknown, rule: RegExp): value is string {
  return typeof value === 'string' && rule.test(value);
}

function textRule(field: string, lengthMax: number): string {
  return `${field} must be a string of 1 to ${lengthMax} characters without control characters.`;
}

const AMOUNT_PROBLEMS: Record<AmountProblem, Rejection> = {
  not_a_number: {
    reason: 'invalid_used_amount',
    detail: 'used_amount must be a number or a decimal string such as "3.5".',
  },
  not_positive: { reason: 'amount_not_positive', detail: 'used_amount must be greater than 0.' },
  out_of_range: {
    reason: 'amount_out_of_range',
    detail: `used_amount has more than ${rules.WHOLE_DIGITS_MAX} digits before the point.`,
  },
  too_precise: {
    reason: 'amount_too_precise',
    detail: `used_amount has more than ${rules.FRACTION_DIGITS_MAX} digits after the point.`,
  },
};

const TOO_MANY_DIGITS: Rejection = {
  reason: 'amount_too_precise',
  detail: `used_amount is a number of more than ${rules.NUMBER_DIGITS_MAX} significant digits: send it as a string.`,
};

function readAmount(value: unknown, context: PulseContext): Amount | Rejection {
  let amount: Amount | AmountProblem;
  if (typeof value === 'string') amount = parseAmount(value);
  else if (typeof value !== 'number') amount = 'not_a_number';
  else {
    // A parsed number prints its shortest digits; further digits that were sent are only in the source.
    const digits = expandExponent(String(value));
    amount = parseAmount(digits);
    // 0 may have been sent with digits, too far behind the point for JavaScript; -0 was negative either way.
    const isZero = Object.is(value, 0);
    if (amount !== 'not_a_number' && (amount !== 'not_positive' || isZero)) {
      const sentDigits = significantDigits(memberSource(context.source(), 'used_amount') ?? '');
      if (sentDigits > rules.NUMBER_DIGITS_MAX) return TOO_MANY_DIGITS;
      if (isZero && sentDigits > 0) amount = 'too_precise';
    }
  }
  return typeof amount === 'string' ? AMOUNT_PROBLEMS[amount] : amount;
}

/** `1.5e-7` → `0.00000015`: JavaScript and JSON write small and large numbers with an exponent. */
function expandExponent(digits: string): string {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(digits);
  if (match === null) return digits;
  const [, sign = '', first = '', rest = '', exponentText = '0'] = match;
  const exponent = Number(exponentText);
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${first}${rest}`;
  return `${sign}${first}${rest.padEnd(exponent, '0')}`;
}

function significantDigits(number: string): number {
  const mantissa = number.replace(/[eE].*$/, '').replace(/[-.]/g, '');
  return mantissa.replace(/^0+/, '').length;
}

function readTime(timestamp: unknown, context: PulseContext): number | Rejection {
  const { messageTimeSec, receivedAtMs } = context;
  let timeMs: number | undefined;
  if (timestamp === undefined) {
    if (messageTimeSec === undefined) return receivedAtMs;
    timeMs = messageTimeSec * 1000;
  } else {
    timeMs = typeof timestamp === 'string' ? parseTimestamp(timestamp) : undefined;
  }
  if (timeMs === undefined) {
    return {
      reason: 'invalid_timestamp',
      detail: 'timestamp must be an RFC 3339 string such as "2026-11-22T04:10:00Z".',
    };
  }
  const whose = timestamp === undefined ? "The message's AMQP timestamp" : 'timestamp';
  if (timeMs < receivedAtMs - context.ageMaxMs) {
    const limit = `${context.ageMaxMs / 86_400_000} days`;
    return { reason: 'timestamp_too_old', detail: `${whose} is more than ${limit} old.` };
  }
  if (timeMs > receivedAtMs + context.aheadMaxMs) {
    const limit = `${context.aheadMaxMs / 1000} seconds`;
    return { reason: 'timestamp_in_future', detail: `${whose} is more than ${limit} ahead.` };
  }
  return timeMs;
}

function reject(reason: RejectionReason, detail: string): PulseOutcome {
  return { ok: false, rejection: { reason, detail } };
}
