/** The queue of dead letters in the AsyncAPI document. */
import {
  ORIGIN_EXCHANGE_HEADER,
  ORIGIN_REDELIVERED_HEADER,
  ORIGIN_ROUTING_KEY_HEADER,
} from '../contract/dead-letter.ts';
import { DEAD_LETTER_HEADERS, DEAD_LETTER_REASONS } from '../contract/rejection.ts';
import {
  durableOperation,
  exchangeBinding,
  queueBinding,
  RABBIT_USER,
  ref,
  type QueueDescription,
} from '../http/queue-description.ts';
import { topologyNames } from '../platform/topology.ts';
import { PARK_REASONS, PARKED_HEADER } from './parked-publication.ts';

/** @param queue The configured PULSE_QUEUE. */
export function describeDeadLettersQueue(queue: string): QueueDescription {
  const { deadExchange, deadQueue, parkedQueue } = topologyNames(queue);
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
      parkedDeadLetters: {
        address: parkedQueue,
        title: 'Parked dead letters',
        description:
          `The quorum queue \`${parkedQueue}\`: dead letters that Postgres cannot store. Nothing consumes it. A person ` +
          `fixes the cause and moves them back to \`${deadQueue}\`.`,
        messages: { parkedDeadLetter: ref('components/messages/parkedDeadLetter') },
        bindings: queueBinding(parkedQueue),
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
      parkDeadLetter: {
        action: 'send',
        channel: ref('channels/parkedDeadLetters'),
        security: [RABBIT_USER],
        title: 'Parks a dead letter',
        summary:
          'Sets aside a dead letter that Postgres refuses for good, or that came back too often. Others do not wait.',
        messages: [ref('channels/parkedDeadLetters/messages/parkedDeadLetter')],
        bindings: durableOperation(),
      },
    },
    messages: { deadLetter: DEAD_LETTER, parkedDeadLetter: PARKED_DEAD_LETTER },
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

const PARKED_DEAD_LETTER = {
  name: 'parkedDeadLetter',
  title: 'A parked dead letter',
  summary: 'A dead letter that Postgres cannot store: its original bytes and what is known of it.',
  description:
    'Has the properties of the dead letter, except `expiration`, `priority`, `user_id` and `reply_to`, and its ' +
    'headers if it was `refused`.',
  payload: { description: 'The original bytes.' },
  headers: {
    type: 'object',
    required: [...DEAD_LETTER.headers.required, PARKED_HEADER],
    properties: {
      ...DEAD_LETTER.headers.properties,
      [PARKED_HEADER]: {
        type: 'string',
        enum: [...PARK_REASONS],
        description:
          'Why it is parked: Postgres refuses the row for good, or it came back to its queue too often.',
      },
      [DEAD_LETTER_HEADERS.queue]: {
        type: 'string',
        description: 'The queue that it could not be handled in; left out for a pulse.',
      },
      [ORIGIN_ROUTING_KEY_HEADER]: {
        type: 'string',
        description: 'The routing key that it was published with.',
      },
    },
  },
};
