/** The compiled schemas of the newest versions of event types, each compiled once in a process. */
import type { ClientBase } from 'pg';
import {
  compileEventSchema,
  type CompiledEventSchema,
  type DataCheck,
} from './json-schema/event-schema.ts';
import { readEventType, type EventType } from './events-query.ts';

/** A schema takes some hundred kilobytes at most. */
const KEPT_MAX = 1_000;

type Version = Pick<EventType, 'name' | 'version'>;

export interface EventSchemas {
  /** Reads and compiles what is missing. @param versions By name. */
  load(client: Pick<ClientBase, 'query'>, versions: ReadonlyMap<string, number>): Promise<void>;
  /** Of a version that `load` was asked for. `steps`: what the check cost. */
  validate(version: Version, data: unknown): DataCheck & { readonly steps: number };
}

export function createEventSchemas(): EventSchemas {
  const kept = new Map<string, CompiledEventSchema>();
  const keyOf = ({ name, version }: Version): string => `${version} ${name}`;
  return {
    async load(client, versions) {
      for (const [name, version] of versions) {
        const key = keyOf({ name, version });
        const known = kept.get(key);
        kept.delete(key);
        const compiled = known ?? (await compile(client, { name, version }));
        // The longest unused one is the first.
        kept.set(key, compiled);
      }
      for (const key of kept.keys()) {
        if (kept.size <= Math.max(KEPT_MAX, versions.size)) break;
        kept.delete(key);
      }
    },
    validate(version, data) {
      const compiled = kept.get(keyOf(version));
      if (compiled === undefined) throw new RangeError(`Type ${version.name} is not loaded.`);
      return { ...compiled.validate(data), steps: compiled.stepsSpent };
    },
  };
}

async function compile(client: Pick<ClientBase, 'query'>, { name, version }: Version) {
  const type = await readEventType(client, name, version);
  if (type === undefined) throw new RangeError(`Type ${name} has no version ${version}.`);
  return compileEventSchema(type.schema);
}
