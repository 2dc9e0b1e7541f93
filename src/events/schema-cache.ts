/** Compiled schemas by event type and version, so that each is compiled once while it is in use. */
import { compileEventSchema, type CompiledEventSchema } from './event-schema.ts';

export interface SchemaVersion {
  /** Of the event type. */
  readonly name: string;
  /** The schema of a version never changes. */
  readonly version: number;
  readonly schema: object;
}

export type SchemaCache = (version: SchemaVersion) => CompiledEventSchema;

/** A typical one takes 20 KB. */
const ENTRY_COUNT_MAX = 1_000;

/** Keeps the schemas that were used last. */
export function createSchemaCache(entryCountMax = ENTRY_COUNT_MAX): SchemaCache {
  /** In the order of their use. */
  const entries = new Map<string, CompiledEventSchema>();
  return ({ name, version, schema }) => {
    const key = `${version} ${name}`;
    const compiled = entries.get(key) ?? compileEventSchema(schema);
    entries.delete(key);
    entries.set(key, compiled);
    const [oldest] = entries.keys();
    if (entries.size > entryCountMax && oldest !== undefined) entries.delete(oldest);
    return compiled;
  };
}
