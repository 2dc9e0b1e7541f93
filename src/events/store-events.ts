/**
 * Stores events: each that is valid becomes one message, in the caller's transaction.
 *
 * | # | step | if the process dies right after it |
 * |---|---|---|
 * | 1 | their data is checked against the newest versions of their types | nothing has happened |
 * | 2 | the producers are locked, and what the events refer to is read again; where a type has a newer version, the data is checked again | nothing has happened |
 * | 3 | the messages are inserted, with the next numbers of their clients | rolled back |
 * | 4 | committed | stored; a copy of an event is a duplicate, and its id is taken for other clients |
 */
import type { ClientBase } from 'pg';
import { TransientError } from '../core/errors.ts';
import { ImpossibleError, defineBatchHandler, type MessageHandler } from '../messaging/handler.ts';
import type { ReceivedMessage } from '../messaging/message.ts';
import { isBuiltIn } from './built-in-types.ts';
import { checkEvents, type CheckedEvent } from './check-events.ts';
import type { EventSchemas } from './event-schemas.ts';
import { failed, parseEvent, PULSE_PRODUCER, type Event, type EventFailure } from './events.ts';
import { eventQueues } from './events-queues.ts';
import {
  insertMessages,
  lockReferences,
  readReferences,
  type EventReferences,
} from './messages-query.ts';

type Queryable = Pick<ClientBase, 'query'>;

export type StoreOutcome = 'stored' | 'duplicate' | EventFailure;

/** Stores up to some hundred events. @returns As many outcomes as events, in their order. */
export async function storeEvents(
  client: Queryable,
  events: readonly Event[],
  schemas: EventSchemas,
): Promise<StoreOutcome[]> {
  const { results } = await check(client, events, { schemas, read: readReferences, before: [] });
  return await storeChecked(client, events, { schemas, before: results });
}

/** @param given.before What was found before the producers are locked. */
async function storeChecked(
  client: Queryable,
  events: readonly Event[],
  given: Omit<CheckOptions, 'read'>,
): Promise<StoreOutcome[]> {
  const { references, results } = await check(client, events, { ...given, read: lockReferences });
  const failures = events.map((event, index) => findFailure(event, references, results[index]));
  const storable = new Map<string, Event>();
  for (const [index, event] of events.entries()) {
    const identity = identityOf(event);
    if (failures[index] === undefined && !storable.has(identity)) storable.set(identity, event);
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

interface CheckOptions {
  readonly schemas: EventSchemas;
  readonly read: typeof readReferences;
  readonly before: readonly (CheckedEvent | undefined)[];
}

/** Reads what events refer to, and checks the data of those that `before` has not checked. */
async function check(client: Queryable, events: readonly Event[], how: CheckOptions) {
  const references = await how.read(client, events);
  await how.schemas.load(client, references.versions);
  return { references, results: await checkEvents(events, references, how) };
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
  checked: CheckedEvent | undefined,
): EventFailure | undefined {
  const { producer, type, client } = event;
  if (!producers.has(producer)) {
    return failed('/producer', `There is no producer "${producer}".`, 'unknown_producer').failure;
  }
  if (!versions.has(type)) {
    return failed('/type', `There is no event type "${type}".`, 'unknown_type').failure;
  }
  if (!clients.has(client)) return unknownClient(event);
  if (checked === undefined)
    throw new RangeError('An event that refers to what exists is checked.');
  return checked.failure;
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
      const outcomes = await storeBatch(client, bodies, schemas);
      return outcomes.map((outcome) => {
        if (typeof outcome === 'object') return withPointer(outcome);
        return outcome === 'stored' ? 'done' : outcome;
      });
    },
  });
}

/**
 * Stores the events of a batch of messages.
 *
 * @throws TransientError PULSE_EVENTS_TOO_COSTLY The checks would take too long. A batch that fails is taken apart, and
 * one event alone is never too costly.
 */
export async function storeBatch(
  client: Queryable,
  events: readonly Event[],
  schemas: EventSchemas,
): Promise<StoreOutcome[]> {
  const { results } = await check(client, events, { schemas, read: readReferences, before: [] });
  refuseTooCostly(results.map((result) => result?.failure));
  const outcomes = await storeChecked(client, events, { schemas, before: results });
  refuseTooCostly(outcomes);
  return outcomes;
}

function refuseTooCostly(outcomes: readonly (StoreOutcome | undefined)[]): void {
  if (outcomes.some((outcome) => typeof outcome === 'object' && outcome.code === 'too_costly')) {
    const message = 'The checks of these events take too long for one transaction.';
    throw new TransientError('PULSE_EVENTS_TOO_COSTLY', message);
  }
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
