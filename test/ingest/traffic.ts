/** A mix of what producers may send, and the expected result. */
import type { Pulse } from '../../src/contract/pulse.ts';
import { parsePulse } from '../../src/contract/parse-pulse.ts';
import { Oracle } from '../aggregate/aggregate-fixture.ts';

export interface Traffic {
  readonly messages: { body: unknown; messageId?: string }[];
  readonly oracle: Oracle;
  /** Texts of the bad pulses, sorted. */
  readonly bad: string[];
}

/** The hour before the last one, so that no test crosses the end of an hour. */
const TIMESTAMP = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - 5_400_000);

/**
 * `count` messages: single pulses with ids, repeated ones, arrays under a message id, poison.
 * Every pulse has an identity, so that each must be counted exactly once.
 */
export function mixedTraffic(count: number): Traffic {
  const messages: Traffic['messages'] = [];
  const bad: string[] = [];
  const oracle = new Oracle();
  const pulse = (index: number) => ({
    tenant: `a:b|c"😀 ${index % 7}`,
    product_sku: `sku-${index % 3}`,
    use_unity: 'GB',
    used_amount: `${index % 11}.${String(index + 1).padStart(9, '0')}`,
    timestamp: TIMESTAMP.toISOString(),
  });
  for (let index = 0; index < count; index++) {
    const kind = index % 10;
    if (kind === 3) {
      messages.push({ body: `not json ${index}`, messageId: `bad-${index}` });
      bad.push(`not json ${index}`);
    } else if (kind === 5) {
      const poison = { ...pulse(index), tenant: '', id: `poison-${index}` };
      const messageId = `array-${index}`;
      messages.push({ body: [pulse(index), poison, pulse(index + 1)], messageId });
      bad.push(JSON.stringify(poison));
      oracle.take(asParsed(pulse(index), `${messageId}#0`));
      oracle.take(asParsed(pulse(index + 1), `${messageId}#2`));
    } else {
      const repeated = kind === 7 ? index - 1 : index;
      messages.push({ body: { ...pulse(repeated), id: `p-${repeated}` } });
      oracle.take(asParsed(pulse(repeated), `p-${repeated}`));
    }
  }
  return { messages, oracle, bad: bad.sort() };
}

function asParsed(sent: Readonly<Record<string, string>>, id: string): Pulse {
  const outcome = parsePulse(sent, {
    fallbackId: id,
    messageTimeSec: undefined,
    receivedAtMs: Date.now(),
    ageMaxMs: 86_400_000,
    windowSeconds: 3_600,
    aheadMaxMs: 0,
    source: () => '',
  });
  if (!outcome.ok) throw new Error(outcome.rejection.detail);
  return outcome.pulse;
}
