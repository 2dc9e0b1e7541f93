/** What BodyParser makes of a body, as values that tests can compare. */
import type { Pulse } from '../../src/contract/pulse.ts';
import type { Rejection } from '../../src/contract/rejection.ts';
import { isRefusal, type BodyOutcome } from '../../src/contract/body-outcome.ts';
import { KnownKeys } from '../../src/contract/known-keys.ts';
import { BodyParser, type BodyLimits, type MessageFacts } from '../../src/contract/parse-body.ts';
import { PulseRecords } from '../../src/contract/pulse-records.ts';

export const BODY_LIMITS: BodyLimits = {
  bodyBytesMax: 8 * 1024 * 1024,
  pulseAgeMaxMs: 35 * 86_400_000,
  pulseAheadMaxMs: 300_000,
  windowSeconds: 3_600,
};

const MESSAGE: MessageFacts = {
  messageId: undefined,
  timestampSec: undefined,
  receivedAtMs: Date.UTC(2026, 10, 22, 4, 10),
};

export interface ReadOutcome {
  readonly index: number | undefined;
  readonly pulse?: Pulse;
  readonly reason?: Rejection['reason'];
  readonly detail?: string;
  /** The refused bytes as Latin-1, in which every byte is one character. */
  readonly body?: string;
}

/** Shared, because a new one takes some megabytes. */
const keys = new KnownKeys((key) => ({ key }));

export function newBodyParser(limits = BODY_LIMITS) {
  return new BodyParser(limits, keys);
}

/** What `parse` returned, in the form of the general parser. */
export function outcomesIn(
  parsed: ReturnType<ReturnType<typeof newBodyParser>['parse']>,
): BodyOutcome | BodyOutcome[] {
  if (!(parsed instanceof PulseRecords)) return parsed;
  const outcomes = parsed.outcomes();
  return parsed.isArray ? outcomes : (outcomes[0] ?? []);
}

/** All outcomes of a body, in order. */
export function readBody(
  body: Buffer | string,
  message: Partial<MessageFacts> = {},
  limits = BODY_LIMITS,
): ReadOutcome[] {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const parsed = outcomesIn(newBodyParser(limits).parse(bytes, { ...MESSAGE, ...message }));
  return [parsed].flat().map((outcome, position) => {
    const index = Array.isArray(parsed) ? position : undefined;
    if (!isRefusal(outcome)) return { index, pulse: outcome };
    return { index, ...outcome.rejection, body: outcome.body.toString('latin1') };
  });
}

export const outcomesOf = (body: Buffer | string, messageId?: string) =>
  readBody(body, { messageId });

export const reasonsOf = (body: Buffer | string) => readBody(body).map(({ reason }) => reason);
