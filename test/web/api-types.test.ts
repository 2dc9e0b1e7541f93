import openapiTypes, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { expect, test } from 'vitest';
import { createTestApp } from '../api/api-fixture.ts';

const JSON_TYPE = 'application/json';

/** What types do not show, which would make most of the file. */
const UNTYPED = new Set([
  ...['description', 'example', 'examples', 'summary', 'headers', 'title'],
  'x-codeSamples',
]);

interface Operation {
  responses: Record<string, { content?: Record<string, unknown> }>;
}

test('the console is typed from the API', async () => {
  const { app } = await createTestApp();
  const document = (await app.inject({ url: '/openapi.json' })).json<OpenAPI3>();
  await app.close();
  for (const path of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(path) as Operation[]) keepAnswers(operation);
  }
  const types = await openapiTypes(withoutProse(document) as OpenAPI3);
  const head = '// Made from the OpenAPI document by test/web/api-types.test.ts.\n';
  // After a change of the API: npx vitest run --project unit test/web/api-types.test.ts --update
  await expect(head + astToString(types)).toMatchFileSnapshot('../../web/src/api/schema.d.ts');
});

/** Failures are problem documents, and the console reads JSON where a route also answers with other types. */
function keepAnswers(operation: Operation): void {
  const answers = Object.entries(operation.responses).filter(([status]) => status.startsWith('2'));
  for (const [, answer] of answers) {
    const json = answer.content?.[JSON_TYPE];
    if (json !== undefined) answer.content = { [JSON_TYPE]: json };
  }
  operation.responses = Object.fromEntries(answers);
}

function withoutProse(value: unknown, isNamed = false): unknown {
  if (Array.isArray(value)) return value.map((one) => withoutProse(one));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => isNamed || !UNTYPED.has(name))
      .map(([name, inner]) => [name, withoutProse(inner, name === 'properties')]),
  );
}
