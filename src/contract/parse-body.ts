/** Parses a message body: one pulse, or an array of pulses that are accepted or refused one by one. */
import { HAS_TOO_MANY_VALUES, hasTooManyValues } from '../core/json-size.ts';
import type { BodyOutcome, Refusal } from './body-outcome.ts';
import type { RejectionReason } from './rejection.ts';
import { elementSources } from '../core/json-source.ts';
import { parseJson, withoutByteOrderMark } from '../core/parse-json.ts';
import { parsePulse, type PulseContext, type PulseOutcome } from './parse-pulse.ts';
import type { KnownKeys } from './known-keys.ts';
import { fallbackIdOf, type KnownKey, type PulseRecords } from './pulse-records.ts';
import { ARRAY_LENGTH_MAX } from './rules.ts';
import { PulseScanner, type ScanFacts } from './scan-pulse.ts';

export interface BodyLimits {
  readonly bodyBytesMax: number;
  readonly pulseAgeMaxMs: number;
  readonly pulseAheadMaxMs: number;
  /** The length of a window. */
  readonly windowSeconds: number;
}

/** What AMQP says about the message. */
export interface MessageFacts {
  readonly messageId: string | undefined;
  readonly timestampSec: number | undefined;
  readonly receivedAtMs: number;
}

/** Keeps what it has learned from earlier bodies; one for each thread. */
export class BodyParser<K extends KnownKey> {
  readonly #scanner: PulseScanner<K>;
  readonly #limits: BodyLimits;

  constructor(limits: BodyLimits, keys: KnownKeys<K>) {
    this.#scanner = new PulseScanner(limits.windowSeconds, keys);
    this.#limits = limits;
  }

  /**
   * Never throws because of the body.
   *
   * @returns Usually records, which the next call overwrites. Otherwise one outcome for each element of an array; one
   * alone for anything else, also for an array that is refused as a whole.
   */
  parse(body: Buffer, message: MessageFacts): PulseRecords<K> | BodyOutcome | BodyOutcome[] {
    const { bodyBytesMax } = this.#limits;
    if (body.length > bodyBytesMax) {
      const detail = `The body has ${body.length} bytes; ${bodyBytesMax} at most.`;
      return { rejection: { reason: 'body_too_large', detail }, body };
    }
    const records = this.#scanner.scan(body, this.#factsOf(message));
    if (records !== undefined && this.#parseOthers(records, message)) return records;
    return parseAnyBody(body, message, this.#limits);
  }

  #factsOf({ messageId, timestampSec, receivedAtMs }: MessageFacts): ScanFacts {
    const earliestMs = receivedAtMs - this.#limits.pulseAgeMaxMs;
    const latestMs = receivedAtMs + this.#limits.pulseAheadMaxMs;
    const sentAtMs = timestampSec === undefined ? receivedAtMs : timestampSec * 1000;
    const isRefused = sentAtMs < earliestMs || sentAtMs > latestMs;
    return {
      earliestMs,
      latestMs,
      fallbackTimeMs: isRefused ? undefined : sentAtMs,
      fallbackId: messageId,
    };
  }

  /** Judges the unusual elements of an array. @returns False when the body is not JSON, or too large to parse. */
  #parseOthers(records: PulseRecords<K>, message: MessageFacts): boolean {
    const { body, others, unusual } = records;
    if (unusual.length === 0) return true;
    if (hasTooManyValues(body)) return false;
    for (const { index, start, end } of unusual) {
      const source = body.subarray(start, end);
      const text = source.toString('utf8');
      const value = parseJson(text, source);
      if (value instanceof SyntaxError) return false;
      const sourceOf = (): string => (hasRoundedNumber(text) ? text : '');
      const outcome = parsePulse(value, contextOf(message, this.#limits, sourceOf, index));
      others.set(
        index,
        outcome.ok ? outcome.pulse : { rejection: outcome.rejection, body: Buffer.from(source) },
      );
    }
    return true;
  }
}

/** Parses any body, slower than the scanner parses the usual ones. */
export function parseAnyBody(
  body: Buffer,
  message: MessageFacts,
  limits: BodyLimits,
): BodyOutcome | BodyOutcome[] {
  const refuse = (reason: RejectionReason, detail: string): Refusal => ({
    rejection: { reason, detail },
    body,
  });
  if (hasTooManyValues(body)) {
    return refuse('body_too_large', `The body ${HAS_TOO_MANY_VALUES}`);
  }
  const text = withoutByteOrderMark(body.toString('utf8'));
  const value = parseJson(text, body);
  if (value instanceof SyntaxError) {
    return refuse(
      'malformed_json',
      `The body is not JSON in UTF-8: ${value.message}`.slice(0, 200),
    );
  }
  const parse = (element: unknown, source: () => string, index?: number): PulseOutcome =>
    parsePulse(element, contextOf(message, limits, source, index));
  if (!Array.isArray(value)) {
    const outcome = parse(value, () => (hasRoundedNumber(text) ? text : ''));
    return outcome.ok ? outcome.pulse : { rejection: outcome.rejection, body };
  }
  if (value.length === 0) return refuse('empty_array', 'An array holds at least one pulse.');
  if (value.length > ARRAY_LENGTH_MAX) {
    const detail = `An array holds at most ${ARRAY_LENGTH_MAX} pulses, not ${value.length}.`;
    return refuse('array_too_long', detail);
  }
  return parseElements(value, text, parse);
}

function parseElements(
  elements: readonly unknown[],
  text: string,
  parse: (element: unknown, source: () => string, index: number) => PulseOutcome,
): BodyOutcome[] {
  let sources: string[] | undefined;
  const sourceOf = (index: number): string => {
    sources ??= elementSources(text);
    return sources[index] ?? '';
  };
  let isRounded: boolean | undefined;
  const numberSourceOf = (index: number): string => {
    isRounded ??= hasRoundedNumber(text);
    return isRounded ? sourceOf(index) : '';
  };
  return elements.map((element, index) => {
    const outcome = parse(element, () => numberSourceOf(index), index);
    if (outcome.ok) return outcome.pulse;
    return { rejection: outcome.rejection, body: Buffer.from(sourceOf(index)) };
  });
}

/**
 * Whether some number may have more digits than JavaScript keeps, or be so small that it becomes 0. Usual bodies need no
 * second scan then.
 */
function hasRoundedNumber(text: string): boolean {
  return /[\d.]{16}|\d[eE]-\d{3,}(?=[\s,}\]])/.test(text);
}

function contextOf(
  message: MessageFacts,
  limits: BodyLimits,
  source: () => string,
  index: number | undefined,
): PulseContext {
  return {
    fallbackId: fallbackIdOf(message.messageId, index),
    messageTimeSec: message.timestampSec,
    receivedAtMs: message.receivedAtMs,
    ageMaxMs: limits.pulseAgeMaxMs,
    aheadMaxMs: limits.pulseAheadMaxMs,
    windowSeconds: limits.windowSeconds,
    source,
  };
}
