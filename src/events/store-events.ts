/**
 * Stores events: each that is valid becomes one message, in the caller's transaction.
 *
 * | # | step | if the process dies right after it |
 * |---|---|---|
 * | 1 | the producers are locked, and what the events refer to is read | nothing has happened |
 * | 2 | the messages are inserted, with the next numbers of their clients | rolled back |
 * | 3 | committed | stored; a copy of an event is a duplicate, and its id is taken for other clients |
 */
import type { ClientBase } from 'pg';
import { ImpossibleError, defineBatchHandler, type MessageHandler } from '../messaging/handler.ts';
import type { ReceivedMessage } from '../messaging/message.ts';
import { createWorkTurns } from '../platform/work-turns.ts';
import { isBuiltIn } from './built-in-types.ts';
import type { EventSchemas } from './event-schemas.ts';
import { failed, parseEvent, PULSE_PRODUCER, type Event, type EventFailure } from './events.ts';
import { eventQueues } from './events-queues.ts';
import { insertMessages, lockReferences, type EventReferences } from './messages-query.ts';

type Queryable = Pick<ClientBase, 'query'>;

export type StoreOutcome = 'stored' | 'duplicate' | EventFailure;

/** Stores up to some hundred events. @returns As many outcomes as events, in their order. */
export async function storeEvents(
  client: Queryable,
  events: readonly Event[],
  schemas: EventSchemas,
): Promise<StoreOutcome[]> {
  const references = await lockReferences(client, events);
  await schemas.load(client, references.versions);
  const failures: (EventFailure | undefined)[] = [];
  const storable = new Map<string, Event>();
  const nextTurn = createWorkTurns();
  for (const event of events) {
    await nextTurn();
    const failure = findFailure(event, references, schemas);
    failures.push(failure);
    const identity = identityOf(event);
    if (failure === undefined && !storable.has(identity)) storable.set(identity, event);
  }
  const known = await insertMessages(client, [...storable.values()], references);
  const ownerOf = new Map(
    [...storable.keys()].map((identity, place) => [identity, known.get(place)]),
  );
  return events.map((event, index) => {
    const failure = failures[index];
    if (failure !== undefined) return failure;
    const first = storable.get(identityOf(event));
    const owner = ownerOf.get(identityOf(event));
    if (event.client !== (owner ?? first?.client)) return idTaken(event);
    return owner === undefined && event === first ? 'stored' : 'duplicate';
  });
}

/** A producer has no control characters. */
function identityOf({ producer, id }: Event): string {
  return `${producer}\n${id}`;
}

/** Does not say whose it is, because the caller may not see that client. */
function idTaken({ id }: Event): EventFailure {
  const detail = `The id "${id}" of this producer is that of an event for another client.`;
  return failed('/id', detail, 'id_taken').failure;
}

function findFailure(
  event: Event,
  { producers, versions, clients }: EventReferences,
  schemas: EventSchemas,
): EventFailure | undefined {
  const { producer, type, client, data } = event;
  if (!producers.has(producer)) {
    return failed('/producer', `There is no producer "${producer}".`, 'unknown_producer').failure;
  }
  const version = versions.get(type);
  if (version === undefined) {
    return failed('/type', `There is no event type "${type}".`, 'unknown_type').failure;
  }
  if (!clients.has(client)) return unknownClient(event);
  const result = schemas.validate({ name: type, version }, data);
  if (result.ok) return undefined;
  return failed(`/data${result.pointer}`, result.detail, 'invalid_data').failure;
}

export function unknownClient({ client }: Event): EventFailure {
  return failed('/client', `There is no customer "${client}".`, 'unknown_client').failure;
}

/** `events` → a message each. An invalid event becomes a dead letter that says what is wrong and where. */
export function storeSentEvents(prefix: string, schemas: EventSchemas): MessageHandler {
  const parse = (value: unknown, _message: ReceivedMessage, text: string): Event => {
    const parsed = parseEvent(value, () => text);
    if (!parsed.ok) throw new ImpossibleError(withPointer(parsed.failure));
    const refusal = refuseReserved(parsed.event);
    if (refusal !== undefined) throw new ImpossibleError(withPointer(refusal));
    return parsed.event;
  };
  return defineBatchHandler({
    binding: eventQueues(prefix).events,
    parse,
    async applyAll({ client }, bodies) {
      const outcomes = await storeEvents(client, bodies, schemas);
      return outcomes.map((outcome) => {
        if (typeof outcome === 'object') return withPointer(outcome);
        return outcome === 'stored' ? 'done' : outcome;
      });
    },
  });
}

/** What is Pulse's own is stored from its announcements alone. */
export function refuseReserved({ producer, type }: Event): EventFailure | undefined {
  if (producer === PULSE_PRODUCER) {
    const detail = `The producer "${PULSE_PRODUCER}" is Pulse itself.`;
    return failed('/producer', detail, 'reserved_producer').failure;
  }
  if (!isBuiltIn(type)) return undefined;
  return failed('/type', `Only Pulse sends events of type "${type}".`, 'reserved_type').failure;
}

/** The detail of a dead letter also says where. */
function withPointer({ code, pointer, detail }: EventFailure) {
  return { code, detail: pointer === '' ? detail : `${pointer}: ${detail}` };
}
