/** From a pulse as it is recorded to one as it is sent. */
import type { IdentifiedPulse, Pulse, WirePulse } from './api-types.ts';

/**
 * The pulse with an id and a time that stay: the same the first time it is sent and every time after.
 *
 * @throws RangeError The amount is a number that JSON cannot say.
 */
export function identify(pulse: Pulse): IdentifiedPulse {
  const wire = toWire(pulse);
  return {
    ...wire,
    id: wire.id ?? crypto.randomUUID(),
    timestamp: wire.timestamp ?? new Date().toISOString(),
  };
}

/** The pulse as JSON has it, with nothing added: the same for the same pulse. */
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
