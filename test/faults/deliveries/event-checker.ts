/** Compares the messages that a round has stored with the events that its producers sent. */
import { PULSE_PRODUCER } from '../../../src/events/events.ts';
import { CLIENTS, LEAVING, type DeliveryLog, type EventIntent } from './delivery-plan.ts';
import type { DeliveriesLeft, StoredMessage } from './delivery-left.ts';

/** Every valid event that somebody was told is stored is there once; nothing is that nobody sent. */
export function checkEvents({ events, endpoints }: DeliveryLog, left: DeliveriesLeft): string[] {
  const { messages } = left;
  const storedAs = (key: string) => messages.filter((message) => keyOf(message) === key);
  const known = new Set(events.filter(({ defect }) => defect === undefined).map(keyOf));
  const strangers = messages.filter(
    (message) => !known.has(keyOf(message)) && message.producer !== PULSE_PRODUCER,
  );
  const leaver = endpoints.find(({ id }) => id === LEAVING);
  return [
    ...events.flatMap((event) =>
      checkEvent(event, storedAs(keyOf(event))).map((what) => `event ${event.id}: ${what}`),
    ),
    ...strangers.map(({ producer, id }) => `${producer} ${id} is stored, and nobody sent it`),
    ...checkNumbers(messages),
    ...checkPulseEvents(messages, leaver?.client),
    ...checkDeadLetters(events, left),
  ];
}

function keyOf({ producer, id }: { readonly producer: string; readonly id: string }): string {
  return JSON.stringify([producer, id]);
}

function checkEvent(event: EventIntent, stored: readonly StoredMessage[]): string[] {
  const { defect, sendings, type, client, dataText } = event;
  const isConfirmed = sendings.some((sending) => sending.isConfirmed);
  const answers = sendings.flatMap((sending) => sending.answers);
  if (defect !== undefined) {
    const wrong = answers.filter((answer) => answer !== defect);
    return [
      ...(stored.length > 0 ? ['it is invalid, and stored'] : []),
      ...wrong.map((answer) => `it has ${defect}, and was answered ${answer}`),
    ];
  }
  const found: string[] = [];
  if (stored.length > 1 || (isConfirmed && stored.length === 0)) {
    found.push(`it is stored ${stored.length} times`);
  }
  if (answers.some((answer) => answer !== 'stored' && answer !== 'duplicate')) {
    found.push(`it is valid, and was answered ${answers.join()}`);
  }
  if (answers.filter((answer) => answer === 'stored').length > 1) found.push('it was new twice');
  for (const message of stored) {
    if (message.type !== type || message.client !== client || message.data !== dataText) {
      found.push(`it is stored as ${JSON.stringify(message)}`);
    }
  }
  return found;
}

/** @param messages By client and number. */
function checkNumbers(messages: readonly StoredMessage[]): string[] {
  return CLIENTS.flatMap((client) => {
    const own = messages.filter((message) => message.client === client);
    const hasGaps = own.some(({ number }, index) => number !== index + 1);
    return hasGaps ? [`the numbers of ${client} have gaps`] : [];
  });
}

/** The endpoint that left was disabled once, and its client was told so. */
function checkPulseEvents(messages: readonly StoredMessage[], client: string | undefined) {
  const own = messages.filter(({ producer }) => producer === PULSE_PRODUCER);
  const [only] = own;
  const data = JSON.parse(only?.data ?? '{}') as { endpoint_id?: string; reason?: string };
  const isRight =
    own.length === 1 &&
    only?.type === 'endpoint.disabled' &&
    only.client === client &&
    data.endpoint_id === LEAVING &&
    data.reason === 'gone';
  return isRight ? [] : [`events of Pulse: ${JSON.stringify(own)}`];
}

/** What RabbitMQ confirmed of invalid events is among the dead letters, and nothing else is. */
function checkDeadLetters(events: readonly EventIntent[], left: DeliveriesLeft): string[] {
  const { deadLetters, outboxCount, waitingCount } = left;
  const bad = events
    .filter(({ defect }) => defect !== undefined)
    .flatMap(({ sendings }) => sendings.filter(({ way }) => way === 'queue'));
  const possible = new Set(bad.map(({ messageId }) => messageId));
  const lost = bad.filter(
    ({ isConfirmed, messageId }) => isConfirmed && !deadLetters.includes(messageId),
  );
  return [
    ...lost.map(({ messageId }) => `no dead letter ${messageId}`),
    ...deadLetters.filter((id) => !possible.has(id)).map((id) => `dead letter ${id}`),
    ...(waitingCount > 0 ? [`${waitingCount} messages are left in queues`] : []),
    ...(outboxCount > 0 ? [`${outboxCount} jobs are left in the outbox`] : []),
  ];
}
