/** Compiles schemas into validators that name all invalid fields of a usual body, and the first one of a large body. */
import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler';
import type { FastifyInstance } from 'fastify';
import { UUID } from '../core/uuid.ts';
import { compileOnce } from './compile-once.ts';

type Compile = ReturnType<BuildCompilerFromPool>;

/** As Fastify calls it. */
interface Validator {
  (data: unknown): unknown;
  errors?: unknown;
}

/**
 * Options for Ajv. Fastify's defaults turn null into 0, turn "7" and [5] into numbers, and drop misspelt fields. On a
 * bill each of these is a wrong amount. `verbose` adds the schema to an error, which suggestions need.
 */
const AJV_OPTIONS = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: true,
  verbose: true,
} as const;

/** A list of all mistakes in a body of a million unknown fields takes ten seconds. */
const LARGE_BODY_BYTES = 64 * 1024;

export interface Validators {
  readonly buildValidator: BuildCompilerFromPool;
  /** Tells the validators which bodies are large. Call it after adding the body budget, which counts the bytes. */
  addBodySizes(app: FastifyInstance): void;
}

export function createValidators(): Validators {
  const largeBodies = new WeakSet<object>();
  const build = AjvCompiler();
  return {
    buildValidator: compileOnce((schemas) => {
      const compilerOf = (allErrors: boolean): Compile =>
        build(schemas, {
          customOptions: { ...AJV_OPTIONS, allErrors },
          // Ajv's own takes `urn:uuid:` before it, which neither Postgres nor a handler of messages reads.
          onCreate: (ajv) => ajv.addFormat('uuid', UUID),
        });
      const compileForAll = compilerOf(true);
      const compileForFirst = compilerOf(false);
      return (route) => {
        // At the first use: compiling those of all routes took a fifth of a second of each start.
        let findAll: Validator | undefined;
        let findFirst: Validator | undefined;
        const validate: Validator = (data) => {
          const isLarge = typeof data === 'object' && data !== null && largeBodies.has(data);
          const find = isLarge
            ? (findFirst ??= compileForFirst(route) as Validator)
            : (findAll ??= compileForAll(route) as Validator);
          const verdict = find(data);
          validate.errors = find.errors;
          return verdict;
        };
        return validate as ReturnType<Compile>;
      };
    }),

    addBodySizes(app) {
      app.addHook('preValidation', (request, _reply, done) => {
        const { body, bodyBytes } = request;
        if (bodyBytes > LARGE_BODY_BYTES && typeof body === 'object' && body !== null) {
          largeBodies.add(body);
        }
        done();
      });
    },
  };
}
