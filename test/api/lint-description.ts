/** The linter of OpenAPI and AsyncAPI documents, with its strictest rules. */
import { createConfig, lintFromString } from '@redocly/openapi-core';

/** What is wrong with a document, a line for each mistake. */
export async function lintDescription(
  document: unknown,
  rules: Record<string, 'off'>,
): Promise<string[]> {
  const config = await createConfig({ extends: ['recommended-strict'], rules });
  const source = JSON.stringify(document);
  const problems = await lintFromString({ source, absoluteRef: 'document.json', config });
  return problems.map(({ ruleId, message, location }) =>
    [ruleId, message, location[0]?.pointer].join(' '),
  );
}
