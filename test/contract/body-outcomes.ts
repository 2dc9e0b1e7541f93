/** What parseBody tells its sink, as values that tests can compare. */
import type { Pulse } from '../../src/contract/pulse.ts';
import type { Rejection } from '../../src/contract/rejection.ts';
import { parseBody } from '../../src/contract/parse-body.ts';

export const BODY_LIMITS = {
  bodyBytesMax: 8 * 1024 * 1024,
  pulseAgeMaxMs: 35 * 86_400_000,
  pulseAheadMaxMs: 300_000,
};

export interface BodyOutcome {
  readonly index: number | undefined;
  readonly pulse?: Pulse;
  readonly reason?: Rejection['reason'];
  readonly detail?: string;
  /** The refused bytes as Latin-1, in which every byte is one character. */
  readonly body?: string;
}

/** All outcomes of a body, in the order in which the sink was told. */
export function outcomesOf(body: Buffer | string, messageId?: string): BodyOutcome[] {
  const outcomes: BodyOutcome[] = [];
  parseBody(
    typeof body === 'string' ? Buffer.from(body) : body,
    { messageId, timestampSec: undefined },
    {
      limits: BODY_LIMITS,
      receivedAtMs: Date.UTC(2026, 10, 22, 4, 10),
      sink: {
        accept: (pulse, index) => outcomes.push({ pulse, index }),
        reject: ({ reason, detail }, refused, index) =>
          outcomes.push({ reason, detail, index, body: refused.toString('latin1') }),
      },
    },
  );
  return outcomes;
}

export const reasonsOf = (body: Buffer | string) => outcomesOf(body).map(({ reason }) => reason);
