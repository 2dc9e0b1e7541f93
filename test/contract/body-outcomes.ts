/** What BodyParser makes of a body, as values that tests can compare. */
import type { Pulse } from '../../src/contract/pulse.ts';
import type { Rejection } from '../../src/contract/rejection.ts';
import {
  BodyParser,
  isRefusal,
  type BodyLimits,
  type MessageFacts,
} from '../../src/contract/parse-body.ts';

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

/** All outcomes of a body, in order. */
export function readBody(
  body: Buffer | string,
  message: Partial<MessageFacts> = {},
  limits = BODY_LIMITS,
): ReadOutcome[] {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const parsed = new BodyParser(limits).parse(bytes, { ...MESSAGE, ...message });
  return [parsed].flat().map((outcome, position) => {
    const index = Array.isArray(parsed) ? position : undefined;
    if (!isRefusal(outcome)) return { index, pulse: outcome };
    return { index, ...outcome.rejection, body: outcome.body.toString('latin1') };
  });
}

export const outcomesOf = (body: Buffer | string, messageId?: string) =>
  readBody(body, { messageId });

export const reasonsOf = (body: Buffer | string) => readBody(body).map(({ reason }) => reason);
