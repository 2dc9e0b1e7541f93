/** GET /problems and GET /problems/:name. */
import { Type } from 'typebox';
import { problemResponses } from '../http/problem-schema.ts';

const ProblemKind = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', description: 'The `type` in its answers.' }),
    code: Type.String({ description: 'A stable code for programs.' }),
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
  description: 'All errors that this API can return.',
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
  description: 'The `type` of a problem points here.',
  curl: 'curl -s "$API/problems/invalid-request"',
  params: Type.Object({
    name: Type.String({ maxLength: 64, description: 'The end of `type`.' }),
  }),
  response: { 200: ProblemKind, ...problemResponses(400, 404, 500) },
};
