/** GET /problems and GET /problems/:name. */
import { Type } from 'typebox';
import { problemResponses } from '../http/problem-schema.ts';

const ProblemKind = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', description: 'What `type` is in its answers.' }),
    code: Type.String({ description: 'The stable code to program against.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    title: Type.String({ description: 'The kind of problem in words.' }),
    retry: Type.Enum(['never', 'later'], {
      description: 'Whether the same request may succeed later.',
    }),
    advice: Type.String({ description: 'What to do.' }),
  },
  { title: 'ProblemKind', description: 'A kind of problem.' },
);

export const listProblemKindsSchema = {
  operationId: 'listProblemKinds',
  tags: ['problems'],
  summary: 'Lists every kind of problem',
  description: 'All that this API can answer with instead of what was asked for.',
  curl: 'curl -s "$API/problems"',
  response: {
    200: Type.Object({ data: Type.Array(ProblemKind) }, { description: 'All kinds.' }),
    ...problemResponses(500),
  },
};

export const getProblemKindSchema = {
  operationId: 'getProblemKind',
  tags: ['problems'],
  summary: 'Explains a kind of problem',
  description: 'This is where the `type` of a problem leads.',
  curl: 'curl -s "$API/problems/invalid-request"',
  params: Type.Object({
    name: Type.String({ maxLength: 64, description: 'The end of `type`.' }),
  }),
  response: { 200: ProblemKind, ...problemResponses(400, 404, 500) },
};
