/** The queues of events in the AsyncAPI document: what producers send, and what Pulse itself announces. */
import {
  durableOperation,
  exchangeBinding,
  queueBinding,
  RABBIT_USER,
  ref,
  type QueueDescription,
} from '../http/queue-description.ts';
import { BUILT_IN_TYPES, type BuiltInType } from './built-in-types.ts';
import { eventQueues } from './events-queues.ts';
import {
  CLOUD_EVENT_EXAMPLE,
  EVENT_EXAMPLE,
  SentCloudEvent,
  SentEvent,
} from './send-events-schema.ts';

const HOW_SENT =
  'Each message is one event. An event that comes twice, with the same producer, id and client, is stored once. An ' +
  'invalid one, or one whose id the producer has used for another client, becomes a dead letter in the quarantine, ' +
  'with a JSON pointer to what is wrong. Anyone who may write to the exchange may send for every client.';

/** @param prefix The configured MESSAGE_PREFIX. */
export function describeEventQueues(prefix: string): QueueDescription {
  const { events, announced } = eventQueues(prefix);
  return {
    channels: {
      events: {
        address: events.routingKey,
        title: 'Events',
        description:
          `Topic exchange \`${events.exchange}\`, bound to the quorum queue \`${events.queue}\`. The address is the ` +
          `routing key. ${HOW_SENT}`,
        messages: {
          event: ref('components/messages/event'),
          cloud_event: ref('components/messages/cloud_event'),
        },
        bindings: exchangeBinding(events.exchange, 'topic'),
      },
      events_announced: {
        address: announced.queue,
        title: "Pulse's own events",
        description:
          'What the other parts of Pulse announce becomes an event of the built-in type with the same name, for the ' +
          `client that it names. The queue is bound to their exchanges, and to \`${announced.routingKey}\` of the ` +
          `exchange \`${announced.exchange}\`. Only Pulse publishes to it.`,
        messages: Object.fromEntries(
          BUILT_IN_TYPES.map((type) => [nameOf(type), ref(`components/messages/${nameOf(type)}`)]),
        ),
        bindings: queueBinding(announced.queue),
      },
    },
    operations: describeOperations(),
    messages: {
      event: {
        name: 'event',
        title: 'An event',
        summary: 'What a producer tells a client.',
        contentType: 'application/json',
        payload: ref('components/schemas/SentEvent'),
        examples: [{ name: 'usual', payload: EVENT_EXAMPLE }],
      },
      cloud_event: {
        name: 'cloud_event',
        title: 'A CloudEvent',
        summary: 'The same as a CloudEvent 1.0 in JSON.',
        contentType: 'application/json',
        payload: ref('components/schemas/SentCloudEvent'),
        examples: [{ name: 'usual', payload: CLOUD_EVENT_EXAMPLE }],
      },
      ...Object.fromEntries(BUILT_IN_TYPES.map((type) => [nameOf(type), describeBuiltIn(type)])),
    },
    schemas: { SentEvent, SentCloudEvent },
  };
}

function describeOperations() {
  return {
    storeEvents: {
      action: 'receive',
      channel: ref('channels/events'),
      security: [RABBIT_USER],
      title: 'Stores events',
      summary: 'Stores every valid event once, with the next number of its client.',
      messages: [
        ref('channels/events/messages/event'),
        ref('channels/events/messages/cloud_event'),
      ],
      bindings: durableOperation({ ack: true }),
    },
    storeAnnouncedEvents: {
      action: 'receive',
      channel: ref('channels/events_announced'),
      security: [RABBIT_USER],
      title: "Stores Pulse's own events",
      summary: 'Stores every announcement about a customer once, as an event.',
      messages: BUILT_IN_TYPES.map((type) =>
        ref(`channels/events_announced/messages/${nameOf(type)}`),
      ),
      bindings: durableOperation({ ack: true }),
    },
  };
}

/** Messages of the domains have names without the prefix. */
function nameOf({ name }: BuiltInType): string {
  return `event_${name.replaceAll('.', '_')}`;
}

function describeBuiltIn(type: BuiltInType) {
  const { name, description, schema } = type;
  return {
    name: nameOf(type),
    title: name,
    summary: description,
    contentType: 'application/json',
    payload: schema,
  };
}
