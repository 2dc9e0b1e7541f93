/** From a message body to the outcomes of its pulses: one object, or an array in which each stands alone. */
import { isUtf8 } from 'node:buffer';
import type { Pulse } from './pulse.ts';
import type { Rejection, RejectionReason } from './rejection.ts';
import { elementSources } from './json-source.ts';
import { parsePulse, type PulseContext } from './parse-pulse.ts';
import { ARRAY_LENGTH_MAX } from './rules.ts';
import { PulseScanner } from './scan-pulse.ts';

/** The limits that a body and its pulses are held to. */
export interface BodyLimits {
  readonly bodyBytesMax: number;
  readonly pulseAgeMaxMs: number;
  readonly pulseAheadMaxMs: number;
}

/** What AMQP says about the message. */
export interface MessageProperties {
  readonly messageId: string | undefined;
  readonly timestampSec: number | undefined;
}

/** Receives the pulses of a body, in order. */
export interface OutcomeSink {
  accept(pulse: Pulse, index: number | undefined): void;
  /** `body` is what was refused: one element of an array, otherwise the whole body. */
  reject(rejection: Rejection, body: Buffer, index: number | undefined): void;
}

/** How a body is read. */
export interface BodyContext {
  readonly limits: BodyLimits;
  readonly receivedAtMs: number;
  readonly sink: OutcomeSink;
}

const scanner = new PulseScanner();

/** Hands every pulse of `body` to `sink`. Never throws on account of the body. */
export function parseBody(body: Buffer, properties: MessageProperties, context: BodyContext): void {
  const { limits, receivedAtMs, sink } = context;
  if (body.length > limits.bodyBytesMax) {
    const detail = `The body has ${body.length} bytes; ${limits.bodyBytesMax} at most.`;
    sink.reject({ reason: 'body_too_large', detail }, body, undefined);
    return;
  }
  const bounds = {
    earliestMs: receivedAtMs - limits.pulseAgeMaxMs,
    latestMs: receivedAtMs + limits.pulseAheadMaxMs,
  };
  const scanned = scanner.scan(body, bounds, ARRAY_LENGTH_MAX);
  if (scanned === undefined) parseAnyBody(body, properties, context);
  else if (!Array.isArray(scanned)) sink.accept(scanned, undefined);
  else for (const [index, pulse] of scanned.entries()) sink.accept(pulse, index);
}

/** What `parseBody` does with a body that is not of the usual shape; right for every body, and slower. */
export function parseAnyBody(
  body: Buffer,
  properties: MessageProperties,
  { limits, receivedAtMs, sink }: BodyContext,
): void {
  const refuse = (reason: RejectionReason, detail: string) => {
    sink.reject({ reason, detail }, body, undefined);
  };
  const text = body.toString('utf8');
  const value = parseJson(text, body);
  if (value instanceof SyntaxError) {
    refuse('malformed_json', `The body is not JSON in UTF-8: ${value.message}`.slice(0, 200));
    return;
  }
  const context = (index: number | undefined, source: () => string): PulseContext => ({
    fallbackId: fallbackId(properties.messageId, index),
    messageTimeSec: properties.timestampSec,
    receivedAtMs,
    ageMaxMs: limits.pulseAgeMaxMs,
    aheadMaxMs: limits.pulseAheadMaxMs,
    source,
  });
  if (!Array.isArray(value)) {
    const outcome = parsePulse(
      value,
      context(undefined, () => (hasLongNumber(text) ? text : '')),
    );
    if (outcome.ok) sink.accept(outcome.pulse, undefined);
    else sink.reject(outcome.rejection, body, undefined);
    return;
  }
  if (value.length === 0) {
    refuse('empty_array', 'An array holds at least one pulse.');
    return;
  }
  if (value.length > ARRAY_LENGTH_MAX) {
    refuse(
      'array_too_long',
      `An array holds at most ${ARRAY_LENGTH_MAX} pulses, not ${value.length}.`,
    );
    return;
  }
  parseElements(value, text, { context, sink });
}

function parseElements(
  elements: readonly unknown[],
  text: string,
  {
    context,
    sink,
  }: {
    context: (index: number, source: () => string) => PulseContext;
    sink: OutcomeSink;
  },
): void {
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
  for (const [index, element] of elements.entries()) {
    const outcome = parsePulse(
      element,
      context(index, () => numberSourceOf(index)),
    );
    if (outcome.ok) sink.accept(outcome.pulse, index);
    else sink.reject(outcome.rejection, Buffer.from(sourceOf(index)), index);
  }
}

/** Whether some number may have more digits than JavaScript keeps. Saves scanning the usual body again. */
function hasLongNumber(text: string): boolean {
  return /[\d.]{16}/.test(text);
}

function fallbackId(messageId: string | undefined, index: number | undefined): string | undefined {
  if (messageId === undefined || messageId === '') return undefined;
  return index === undefined ? messageId : `${messageId}#${index}`;
}

/** The parsed body, or a SyntaxError. Invalid UTF-8 is refused: decoding would make unequal keys equal. */
export function parseJson(text: string, body: Buffer): unknown {
  if (text.includes('\ufffd') && !isUtf8(body)) return new SyntaxError('invalid UTF-8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return error;
    throw error;
  }
}
