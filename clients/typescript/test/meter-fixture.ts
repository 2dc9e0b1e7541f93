/** A meter whose requests are answered as a test says. */
import type { IdentifiedPulse, SendOutcome } from '../src/api-types.ts';
import { createMeter } from '../src/meter.ts';
import type { MeterOptions } from '../src/meter-options.ts';
import { PulseConnectionError } from '../src/transport.ts';

export const PULSE = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '0.25' };
export const LOST = new PulseConnectionError('lost', { cause: undefined });

/** Of one pulse. */
type Outcome = (pulse: IdentifiedPulse, index: number) => SendOutcome;
export type Answer = Error | Outcome;

export const accept: Outcome = ({ id }, index) => ({ index, status: 'accepted', id });
export const refuse: Outcome = (_pulse, index) => ({
  index,
  status: 'rejected',
  field: 'tenant',
  code: 'invalid_tenant',
  reason: 'wrong',
});
export const doubt: Outcome = ({ id }, index) => ({
  index,
  status: 'unconfirmed',
  id,
  code: 'unconfirmed',
  reason: 'again',
});

/** A meter whose requests are answered one after the other; the last answer repeats. */
export function open(answers: Answer[], options: MeterOptions = {}) {
  const requests: IdentifiedPulse[][] = [];
  const meter = createMeter((pulses) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]!;
    requests.push([...pulses]);
    return answer instanceof Error
      ? Promise.reject(answer)
      : Promise.resolve(pulses.map((pulse, index) => answer(pulse, index)));
  }, options);
  return { meter, requests };
}
