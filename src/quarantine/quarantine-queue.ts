/** The queue of dead letters in the AsyncAPI document. */
import { ORIGIN_EXCHANGE_HEADER, ORIGIN_REDELIVERED_HEADER } from '../contract/dead-letter.ts';
import { DEAD_LETTER_HEADERS, DEAD_LETTER_REASONS } from '../contract/rejection.ts';
import {
  durableOperation,
  exchangeBinding,
  RABBIT_USER,
  ref,
  type QueueDescription,
} from '../http/queue-description.ts';
import { topologyNames } from '../platform/topology.ts';

/** @param queue The configured PULSE_QUEUE. */
export function describeDeadLettersQueue(queue: string): QueueDescription {
  const { deadExchange, deadQueue } = topologyNames(queue);
  return {
    channels: {
      deadLetters: {
        address: '{routing_key}',
        parameters: { routing_key: { description: 'The routing key of the pulse.' } },
        title: 'Dead letters',
        description:
          `Exchange \`${deadExchange}\`, bound to the quorum queue \`${deadQueue}\`, from which Pulse writes to the ` +
          'quarantine table.',
        messages: { deadLetter: ref('components/messages/deadLetter') },
        bindings: exchangeBinding(deadExchange, 'fanout'),
      },
    },
    operations: {
      quarantinePulse: {
        action: 'send',
        channel: ref('channels/deadLetters'),
        security: [RABBIT_USER],
        title: 'Quarantines a pulse',
        summary:
          'Sets aside a pulse that breaks a rule, with the reason. Other pulses do not wait.',
        messages: [ref('channels/deadLetters/messages/deadLetter')],
        bindings: durableOperation(),
      },
    },
    messages: { deadLetter: DEAD_LETTER },
  };
}

const DEAD_LETTER = {
  name: 'deadLetter',
  title: 'A dead letter',
  summary: 'A pulse that was not counted: its original bytes and the reason.',
  description:
    'Has the routing key, the properties and the headers of the pulse, except `expiration` and `user_id`.',
  payload: { description: 'The original bytes: one body, or one element of an array.' },
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
        enum: [...DEAD_LETTER_REASONS],
        description: 'Why it was not counted.',
      },
      [DEAD_LETTER_HEADERS.detail]: { type: 'string', description: 'The reason in a sentence.' },
      [DEAD_LETTER_HEADERS.index]: {
        type: 'integer',
        minimum: 0,
        description: 'Its position in an array body.',
      },
      [ORIGIN_EXCHANGE_HEADER]: {
        type: 'string',
        description: 'The exchange that the pulse was published to.',
      },
      [ORIGIN_REDELIVERED_HEADER]: {
        type: 'boolean',
        description: 'True when it had been delivered before; otherwise left out.',
      },
    },
  },
};
