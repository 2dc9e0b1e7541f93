/** Schemas and data for the tests of event schemas. */
import { compileEventSchema } from '../../../src/events/json-schema/event-schema.ts';

export const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
export const ORDER = {
  $schema: DRAFT,
  title: 'An order',
  type: 'object',
  required: ['id', 'items'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', format: 'uuid', examples: ['…'] },
    email: { type: 'string', format: 'email' },
    code: { type: 'string', pattern: '^[A-Z]{3}$' },
    items: { type: 'array', minItems: 1, items: { $ref: '#/$defs/item' } },
  },
  $defs: {
    item: {
      type: 'object',
      required: ['sku'],
      properties: { sku: { type: 'string' }, qty: { type: 'integer', minimum: 1, default: 1 } },
    },
  },
};
/** Matches `ORDER`. */
export const VALID = {
  id: '7a1b0c5e-0000-4000-8000-000000000000',
  items: [{ sku: 'A', qty: 2.0 }],
};

export const validate = (schema: object, data: unknown) =>
  compileEventSchema(schema).validate(data);
export const accepts = (schema: object, data: unknown) => validate(schema, data).ok;
/** What only a text can hold: members that no literal sets, and numbers out of range. */
export const json = (text: string): unknown => JSON.parse(text);

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

export function named<T>(count: number, make: (index: number) => T): Record<string, T> {
  return Object.fromEntries(times(count, (index) => [`p${index}`, make(index)]));
}

export function nest(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}
