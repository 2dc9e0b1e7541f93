/** Parses a message body: one pulse, or an array of pulses that are accepted or refused one by one. */
import { HAS_TOO_MANY_VALUES, hasTooManyValues } from '../core/json-size.ts';
import type { ParsedPulse } from './pulse.ts';
import type { Rejection, RejectionReason } from './rejection.ts';
import { elementSources } from '../core/json-source.ts';
import { parseJson } from '../core/parse-json.ts';
import { parsePulse, type PulseContext, type PulseOutcome } from './parse-pulse.ts';
import { ARRAY_LENGTH_MAX } from './rules.ts';
import { PulseScanner } from './scan-pulse.ts';

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

export interface Refusal {
  readonly rejection: Rejection;
  /** What is refused: one element of an array, or the whole body. */
  readonly body: Buffer;
}

/** A plain pulse when accepted, because a wrapper for each one would cost time. */
export type BodyOutcome = ParsedPulse | Refusal;

export function isRefusal(outcome: BodyOutcome): outcome is Refusal {
  return 'rejection' in outcome;
}

/** Keeps what the scanner has learned from earlier bodies; one for each thread. */
export class BodyParser {
  readonly #scanner: PulseScanner;
  readonly #limits: BodyLimits;

  constructor(limits: BodyLimits) {
    this.#scanner = new PulseScanner(limits.windowSeconds);
    this.#limits = limits;
  }

  /**
   * Never throws because of the body.
   *
   * @returns One outcome for each element of an array; one alone for anything else, also for an array that is
   * refused as a whole.
   */
  parse(body: Buffer, message: MessageFacts): BodyOutcome | BodyOutcome[] {
    const { bodyBytesMax, pulseAgeMaxMs, pulseAheadMaxMs } = this.#limits;
    if (body.length > bodyBytesMax) {
      const detail = `The body has ${body.length} bytes; ${bodyBytesMax} at most.`;
      return { rejection: { reason: 'body_too_large', detail }, body };
    }
    const bounds = {
      earliestMs: message.receivedAtMs - pulseAgeMaxMs,
      latestMs: message.receivedAtMs + pulseAheadMaxMs,
    };
    return this.#scanner.scan(body, bounds) ?? parseAnyBody(body, message, this.#limits);
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
  const text = body.toString('utf8');
  const value = parseJson(text, body);
  if (value instanceof SyntaxError) {
    return refuse(
      'malformed_json',
      `The body is not JSON in UTF-8: ${value.message}`.slice(0, 200),
    );
  }
  const parse = (element: unknown, source: () => string, index?: number): PulseOutcome => {
    const context: PulseContext = {
      fallbackId: fallbackId(message.messageId, index),
      messageTimeSec: message.timestampSec,
      receivedAtMs: message.receivedAtMs,
      ageMaxMs: limits.pulseAgeMaxMs,
      aheadMaxMs: limits.pulseAheadMaxMs,
      windowSeconds: limits.windowSeconds,
      source,
    };
    return parsePulse(element, context);
  };
  if (!Array.isArray(value)) {
    const outcome = parse(value, () => (hasLongNumber(text) ? text : ''));
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
  let longNumber: boolean | undefined;
  const numberSourceOf = (index: number): string => {
    longNumber ??= hasLongNumber(text);
    return longNumber ? sourceOf(index) : '';
  };
  return elements.map((element, index) => {
    const outcome = parse(element, () => numberSourceOf(index), index);
    if (outcome.ok) return outcome.pulse;
    return { rejection: outcome.rejection, body: Buffer.from(sourceOf(index)) };
  });
}

/** Whether some number may have more digits than JavaScript keeps; usual bodies need no second scan then. */
function hasLongNumber(text: string): boolean {
  return /[\d.]{16}/.test(text);
}

function fallbackId(messageId: string | undefined, index: number | undefined): string | undefined {
  if (messageId === undefined || messageId === '') return undefined;
  return index === undefined ? messageId : `${messageId}#${index}`;
}
