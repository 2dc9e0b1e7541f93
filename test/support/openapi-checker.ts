/** Checks answers against the OpenAPI document that the server publishes. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';

export interface OpenApiOperation {
  readonly operationId: string;
  readonly security: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: 'path' | 'query' }[];
  readonly requestBody?: object;
  readonly 'x-codeSamples'?: readonly { readonly source: string }[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, object>> }>
  >;
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

/** One operation with its path and method. */
export interface PlacedOperation extends OpenApiOperation {
  readonly path: string;
  readonly method: string;
}

/** An answer as any client sees it. */
export interface SeenAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: string;
}

export function operationsOf({ paths }: OpenApiDocument): PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method })),
  );
}

/** Creates the check. It returns what is wrong with an answer, or undefined when nothing is. */
export function createAnswerCheck(document: OpenApiDocument) {
  const ajv = new Ajv2020({ strict: false });
  ajvFormats.default(ajv);
  ajv.addSchema(document, 'openapi');

  return (operation: PlacedOperation, answer: SeenAnswer): string | undefined => {
    const { operationId, responses, path, method } = operation;
    const what = `${operationId} ${answer.status} ${answer.body.slice(0, 300)}`;
    const status = String(answer.status) in responses ? String(answer.status) : 'default';
    const { content } = responses[status] ?? {};
    if (status === 'default' && answer.status < 400) return `${what}: is not described`;
    if (content === undefined) return answer.body === '' ? undefined : `${what}: has a body`;
    const mediaType = answer.contentType?.split(';')[0] ?? 'none';
    if (!(mediaType in content)) return `${what}: ${mediaType} is not described`;
    const pointer = ['paths', path, method, 'responses', status, 'content', mediaType, 'schema'];
    const fragment = pointer.map((name) => encodeURIComponent(escapePointer(name))).join('/');
    const validate = ajv.getSchema(`openapi#/${fragment}`);
    if (validate === undefined) return `${what}: no schema at ${fragment}`;
    const value: unknown = mediaType.endsWith('json') ? JSON.parse(answer.body) : answer.body;
    return validate(value) === true ? undefined : `${what}: ${ajv.errorsText(validate.errors)}`;
  };
}

/** RFC 6901. */
function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
