/** The contract of the queue as an AsyncAPI 3 document: what is published to it, and what comes of bad pulses. */
import { DEAD_LETTER_HEADERS, REJECTION_REASONS } from '../contract/rejection.ts';
import { ORIGIN_EXCHANGE_HEADER, ORIGIN_REDELIVERED_HEADER } from '../contract/dead-letter.ts';
import { topologyNames, type TopologyNames } from '../platform/topology.ts';
import { QueuedPulse, QueuedPulses } from '../contract/queued-pulse-schema.ts';

const INTRODUCTION = `
Publish to the exchange with the routing key below, persistent and mandatory, with publisher confirms: a pulse is
Pulse's from the moment RabbitMQ confirms it. Not confirmed? Publish it again **with the same id**: it is counted once.
The queue refuses publications when it is full (\`reject-publish\`): a nack, to be tried again later.
`.trim();

const EXAMPLE = {
  tenant: 'acme',
  product_sku: 'object-storage',
  use_unity: 'GB',
  used_amount: '3.5',
  id: '018f3c1e-7d2a-7c55-9a57-3f0c1f2b8a11',
  timestamp: '2026-11-22T04:10:00Z',
};

/** @param queue The configured PULSE_QUEUE, from which every name derives. */
export function asyncApiDocument(queue: string) {
  const names = topologyNames(queue);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Pulse: the queue',
      version: 'v1',
      description: INTRODUCTION,
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    defaultContentType: 'application/json',
    servers: {
      rabbitmq: {
        host: '{host}',
        protocol: 'amqp',
        protocolVersion: '0-9-1',
        description: 'Whatever RABBITMQ_URL names; amqps as well.',
        variables: { host: { default: '127.0.0.1:5672', description: 'Host and port.' } },
        security: [RABBIT_USER],
      },
    },
    channels: channels(names),
    operations: OPERATIONS,
    components: {
      messages: { pulse: PULSE, pulses: PULSES, deadLetter: DEAD_LETTER },
      schemas: { QueuedPulse, QueuedPulses },
      securitySchemes: {
        user: {
          type: 'userPassword',
          description: 'A user of RabbitMQ that may write to the exchange.',
        },
      },
    },
  };
}

function ref(target: string) {
  return { $ref: `#/${target}` };
}

const RABBIT_USER = ref('components/securitySchemes/user');

function channels({ exchange, routingKey, queue, deadExchange, deadQueue }: TopologyNames) {
  const binding = (name: string, type: 'direct' | 'fanout') => ({
    amqp: {
      is: 'routingKey',
      exchange: { name, type, durable: true, autoDelete: false, vhost: '/' },
      bindingVersion: '0.3.0',
    },
  });
  return {
    pulses: {
      address: routingKey,
      title: 'Pulses',
      description:
        `Exchange \`${exchange}\`, bound to the quorum queue \`${queue}\`. The routing key is the address; the default ` +
        `exchange with the queue's name does as well.`,
      messages: {
        pulse: ref('components/messages/pulse'),
        pulses: ref('components/messages/pulses'),
      },
      bindings: binding(exchange, 'direct'),
    },
    deadLetters: {
      address: '{routing_key}',
      parameters: { routing_key: { description: 'The one that the pulse was published with.' } },
      title: 'Dead letters',
      description:
        `Exchange \`${deadExchange}\`, bound to the quorum queue \`${deadQueue}\`, which Pulse empties into the ` +
        'table of the quarantine.',
      messages: { deadLetter: ref('components/messages/deadLetter') },
      bindings: binding(deadExchange, 'fanout'),
    },
  };
}

const OPERATIONS = {
  countPulses: {
    action: 'receive',
    channel: ref('channels/pulses'),
    security: [RABBIT_USER],
    title: 'Counts pulses',
    summary: 'Every pulse that carries an id is counted exactly once.',
    messages: [ref('channels/pulses/messages/pulse'), ref('channels/pulses/messages/pulses')],
    bindings: { amqp: { deliveryMode: 2, mandatory: true, ack: true, bindingVersion: '0.3.0' } },
  },
  quarantinePulse: {
    action: 'send',
    channel: ref('channels/deadLetters'),
    security: [RABBIT_USER],
    title: 'Quarantines a pulse',
    summary: 'A pulse that breaks a rule is put aside with its reason, and holds up nobody.',
    messages: [ref('channels/deadLetters/messages/deadLetter')],
    bindings: { amqp: { deliveryMode: 2, mandatory: true, bindingVersion: '0.3.0' } },
  },
};

/** The AMQP properties that mean something; AsyncAPI has no place of its own for them. */
const PROPERTIES = `
| AMQP property | meaning |
|---|---|
| \`message_id\` | the identity of a pulse that brings none |
| \`timestamp\` | when it was used, for a pulse that does not say |
| \`delivery_mode\` | 2, or a restart of the broker loses it |

Headers are kept when a pulse is quarantined, and mean nothing otherwise.
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

const DEAD_LETTER = {
  name: 'deadLetter',
  title: 'A dead letter',
  summary: 'A pulse that was not counted: its own bytes, and why.',
  description:
    "The pulse's properties and headers are kept, except `expiration` and `user_id`. The routing key is the pulse's.",
  payload: { description: 'The bytes as they were sent: one body, or one element of an array.' },
  headers: {
    type: 'object',
    required: [DEAD_LETTER_HEADERS.id, DEAD_LETTER_HEADERS.reason, DEAD_LETTER_HEADERS.detail],
    properties: {
      [DEAD_LETTER_HEADERS.id]: {
        type: 'string',
        format: 'uuid',
        description: 'The same for every copy of the same dead letter.',
      },
      [DEAD_LETTER_HEADERS.reason]: {
        type: 'string',
        enum: [...REJECTION_REASONS],
        description: 'Why it was not counted.',
      },
      [DEAD_LETTER_HEADERS.detail]: { type: 'string', description: 'The same in a sentence.' },
      [DEAD_LETTER_HEADERS.index]: {
        type: 'integer',
        minimum: 0,
        description: 'Its place in an array body.',
      },
      [ORIGIN_EXCHANGE_HEADER]: {
        type: 'string',
        description: 'The exchange that the pulse was published to.',
      },
      [ORIGIN_REDELIVERED_HEADER]: {
        type: 'boolean',
        description: 'True when it had been delivered before; else missing.',
      },
    },
  },
};
