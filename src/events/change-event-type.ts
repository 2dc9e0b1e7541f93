/** Adds versions of event types. */
import type { ClientBase } from 'pg';
import { ProblemError } from '../http/problems.ts';
import type { PutOutcome } from '../http/change-outcome.ts';
import { isBuiltIn } from './built-in-types.ts';
import { canonicalJson } from './json-schema/canonical-json.ts';
import { findBreak } from './json-schema/compatible-schema.ts';
import { checkEventSchema } from './json-schema/event-schema.ts';
import { EVENT_PROBLEMS } from './events-problems.ts';
import {
  countEventTypes,
  insertVersion,
  lockEventType,
  lockNewEventTypes,
  readEventType,
  type EventType,
} from './events-query.ts';

/** Every process that validates keeps the schemas of all of them. */
export const EVENT_TYPES_MAX = 1_000;

export interface WantedType extends Pick<
  EventType,
  'name' | 'schema' | 'description' | 'createdBy'
> {
  /** Stores a schema that may refuse what the version before it accepts. */
  readonly force: boolean;
}

export interface ChangedType {
  readonly type: EventType;
  readonly outcome: PutOutcome;
}

/** @throws ProblemError The name or the schema is refused whatever the registry holds. */
export function refuseWanted({ name, schema }: Pick<WantedType, 'name' | 'schema'>): void {
  if (isBuiltIn(name)) {
    const detail = `Only Pulse changes the type "${name}".`;
    throw new ProblemError(EVENT_PROBLEMS.PULSE_API_NAME_RESERVED, { detail });
  }
  const check = checkEventSchema(schema);
  if (check.ok) return;
  const { pointer, detail } = check;
  throw new ProblemError(EVENT_PROBLEMS.PULSE_API_EVENT_SCHEMA_INVALID, {
    detail: pointer === '' ? detail : `${pointer}: ${detail}`,
    members: { pointer },
  });
}

/**
 * Makes the wanted schema the newest version of its type, unless it is already. Takes turns with other changes of the
 * type until the transaction ends, so each of them gets a version.
 *
 * @throws ProblemError 409 it may refuse what the version before it accepts, or there are too many types.
 */
export async function changeEventType(
  client: Pick<ClientBase, 'query'>,
  { force, ...wanted }: WantedType,
): Promise<ChangedType> {
  const { name } = wanted;
  const newest = (await lockEventType(client, name)) ?? (await lockNew(client, name));
  if (newest !== undefined && isSame(newest, wanted)) return { type: newest, outcome: 'unchanged' };
  const fault = newest === undefined ? undefined : findBreak(newest.schema, wanted.schema);
  if (fault !== undefined && !force) {
    const { pointer, detail } = fault;
    throw new ProblemError(EVENT_PROBLEMS.PULSE_API_EVENT_TYPE_BREAKS, {
      detail: `${pointer === '' ? '' : `${pointer}: `}${detail} To store it anyway, add ?force=true.`,
      members: { pointer },
    });
  }
  const version = (newest?.version ?? 0) + 1;
  const edition = { ...wanted, version, isBreaking: fault !== undefined };
  const isInserted = await insertVersion(client, edition);
  const type = await readEventType(client, name, version);
  if (!isInserted || type === undefined) throw new RangeError(`Version ${version} is not new.`);
  return { type, outcome: newest === undefined ? 'created' : 'changed' };
}

/** New types take turns, so that they can be counted and none is made twice. */
async function lockNew(
  client: Pick<ClientBase, 'query'>,
  name: string,
): Promise<EventType | undefined> {
  await lockNewEventTypes(client);
  const found = await lockEventType(client, name);
  if (found !== undefined) return found;
  if ((await countEventTypes(client)) < EVENT_TYPES_MAX) return undefined;
  const detail = `The limit is ${EVENT_TYPES_MAX.toLocaleString('en')} types.`;
  throw new ProblemError(EVENT_PROBLEMS.PULSE_API_TOO_MANY_EVENT_TYPES, { detail });
}

function isSame(known: EventType, wanted: Pick<EventType, 'schema' | 'description'>): boolean {
  const spend = (): void => undefined;
  return (
    known.description === wanted.description &&
    canonicalJson(known.schema, spend) === canonicalJson(wanted.schema, spend)
  );
}
