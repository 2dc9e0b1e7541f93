/** What Fastify compiles from the schemas of routes: validators and serializers. */
import { SerializerSelector, type SerializerFactory } from '@fastify/fast-json-stringify-compiler';
import { compileOnce } from './compile-once.ts';
import { createValidators, type Validators } from './validators.ts';

export interface SchemaCompilers {
  readonly validators: Validators;
  readonly buildSerializer: SerializerFactory;
}

/** Several instances of the API may share them. */
export function createSchemaCompilers(): SchemaCompilers {
  return { validators: createValidators(), buildSerializer: compileOnce(SerializerSelector()) };
}
