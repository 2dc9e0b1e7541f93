/** GET /health/live and GET /health/ready. */
import { Type } from 'typebox';
import { PROBLEM_PROPERTIES, problemResponse, problemResponses } from '../http/problem-schema.ts';

const readiness = {
  ready: Type.Boolean({ description: 'Whether every check passed.' }),
  checks: Type.Array(
    Type.Object({
      name: Type.String({ description: 'The server that was checked.' }),
      ready: Type.Boolean({ description: 'Whether it answered in time.' }),
    }),
  ),
};

export const liveSchema = {
  operationId: 'live',
  tags: ['health'],
  summary: 'Reports that the process is running',
  description:
    'Checks no other server, so that a supervisor restarts a process only if it is stuck.',
  curl: 'curl -s "$API/health/live"',
  response: {
    200: Type.Object({ live: Type.Literal(true) }, { description: 'The process is running.' }),
    ...problemResponses(500),
  },
};

export const readySchema = {
  operationId: 'ready',
  tags: ['health'],
  summary: 'Reports whether the process can serve requests',
  description:
    'Checks every server that it depends on. 503 while one is unavailable or it shuts down.',
  curl: 'curl -s "$API/health/ready"',
  response: {
    200: Type.Object(readiness, { description: 'All checks passed.' }),
    503: problemResponse(
      'A check failed, or the process is shutting down.',
      Type.Object({ ...PROBLEM_PROPERTIES, ...readiness }),
    ),
    ...problemResponses(500),
  },
};
