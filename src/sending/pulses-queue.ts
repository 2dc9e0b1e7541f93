/** The part of the AsyncAPI document about the queue of pulses, to which producers publish. */
import { QueuedPulse, QueuedPulses } from '../contract/queued-pulse-schema.ts';
import {
  durableOperation,
  exchangeBinding,
  RABBIT_USER,
  ref,
  type QueueDescription,
} from '../http/queue-description.ts';
import { topologyNames } from '../platform/topology.ts';

/** @param queue The configured PULSE_QUEUE. */
export function describePulsesQueue(queue: string): QueueDescription {
  const names = topologyNames(queue);
  return {
    channels: {
      pulses: {
        address: names.routingKey,
        title: 'Pulses',
        description:
          `Exchange \`${names.exchange}\`, bound to the quorum queue \`${names.queue}\`. The address is the routing ` +
          `key. Publishing to the queue through the default exchange also works.`,
        messages: {
          pulse: ref('components/messages/pulse'),
          pulses: ref('components/messages/pulses'),
        },
        bindings: exchangeBinding(names.exchange, 'direct'),
      },
    },
    operations: {
      countPulses: {
        action: 'receive',
        channel: ref('channels/pulses'),
        security: [RABBIT_USER],
        title: 'Counts pulses',
        summary: 'Counts every pulse that has an id exactly once.',
        messages: [ref('channels/pulses/messages/pulse'), ref('channels/pulses/messages/pulses')],
        bindings: durableOperation({ ack: true }),
      },
    },
    messages: { pulse: PULSE, pulses: PULSES },
    schemas: { QueuedPulse, QueuedPulses },
  };
}

const EXAMPLE = {
  tenant: 'acme',
  product_sku: 'object-storage',
  use_unity: 'GB',
  used_amount: '3.5',
  id: '018f3c1e-7d2a-7c55-9a57-3f0c1f2b8a11',
  timestamp: '2026-11-22T04:10:00Z',
};

/** AsyncAPI has no place for AMQP properties. */
const PROPERTIES = `
| AMQP property | meaning |
|---|---|
| \`message_id\` | the id of a pulse that has none |
| \`timestamp\` | the time of use, for a pulse without a \`timestamp\` |
| \`delivery_mode\` | must be 2; otherwise a restart of the broker loses the message |

Headers are stored with a quarantined pulse and are otherwise ignored.
`.trim();

const PULSE = {
  name: 'pulse',
  title: 'One pulse',
  summary: 'One usage report.',
  description: PROPERTIES,
  contentType: 'application/json',
  payload: ref('components/schemas/QueuedPulse'),
  examples: [{ name: 'usual', payload: EXAMPLE }],
};

const PULSES = {
  name: 'pulses',
  title: 'Many pulses',
  summary: 'Up to 1,000 usage reports in one body.',
  description: PROPERTIES,
  contentType: 'application/json',
  payload: ref('components/schemas/QueuedPulses'),
  examples: [{ name: 'two', payload: [EXAMPLE, { ...EXAMPLE, id: 'another', used_amount: 2 }] }],
};
