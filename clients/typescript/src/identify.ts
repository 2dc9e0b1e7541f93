/** Turns a recorded pulse into the one that is sent. */
import type { IdentifiedPulse, Pulse, WirePulse } from './api-types.ts';

/**
 * The pulse with an id and a time that stay the same over all attempts.
 *
 * @throws RangeError The amount is NaN or infinite.
 */
export function identify(pulse: Pulse): IdentifiedPulse {
  const wire = toWire(pulse);
  return {
    ...wire,
    id: wire.id ?? crypto.randomUUID(),
    timestamp: wire.timestamp ?? new Date().toISOString(),
  };
}

/** The pulse as JSON, with nothing added. The same pulse gives the same JSON. */
export function toWire({ used_amount, timestamp, ...rest }: Pulse): WirePulse {
  if (typeof used_amount === 'number' && !Number.isFinite(used_amount)) {
    throw new RangeError(`used_amount must be a number, not ${used_amount}.`);
  }
  return {
    ...rest,
    used_amount: typeof used_amount === 'bigint' ? String(used_amount) : used_amount,
    ...(timestamp === undefined
      ? {}
      : { timestamp: typeof timestamp === 'string' ? timestamp : timestamp.toISOString() }),
  };
}
