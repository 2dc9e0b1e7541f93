/** GET /health/live and GET /health/ready. */
import { Type } from 'typebox';
import { PROBLEM_MEDIA_TYPE } from '../http/problems.ts';
import { PROBLEM_PROPERTIES, problemResponses } from '../http/problem-schema.ts';

const readiness = {
  ready: Type.Boolean({ description: 'Whether every check passed.' }),
  checks: Type.Array(
    Type.Object({
      name: Type.String({ description: 'What was checked.' }),
      ready: Type.Boolean({ description: 'Whether it answered in time.' }),
    }),
  ),
};

export const liveSchema = {
  operationId: 'live',
  tags: ['health'],
  summary: 'Says that the process runs',
  description: 'Asks nothing else, so a supervisor restarts only a process that is stuck itself.',
  curl: 'curl -s "$API/health/live"',
  response: {
    200: Type.Object({ live: Type.Literal(true) }, { description: 'The process runs.' }),
    ...problemResponses(500),
  },
};

export const readySchema = {
  operationId: 'ready',
  tags: ['health'],
  summary: 'Says whether the process can serve',
  description: 'Asks every server it depends on. 503 while one is away and while closing.',
  curl: 'curl -s "$API/health/ready"',
  response: {
    200: Type.Object(readiness, { description: 'Everything answers.' }),
    503: {
      description: 'One of the checks failed, or the process is closing.',
      content: {
        [PROBLEM_MEDIA_TYPE]: { schema: Type.Object({ ...PROBLEM_PROPERTIES, ...readiness }) },
      },
    },
    ...problemResponses(500),
  },
};
