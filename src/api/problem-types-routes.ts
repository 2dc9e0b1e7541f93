/** GET /problems and GET /problems/:name: what the `type` of a problem leads to. */
import type { Api } from '../http/api-module.ts';
import { PROBLEM_ADVICE } from '../http/problem-advice.ts';
import {
  ProblemError,
  problemName,
  PROBLEMS,
  problemType,
  type ProblemCode,
} from '../http/problems.ts';
import { getProblemKindSchema, listProblemKindsSchema } from './problem-types-schema.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

/** Adds the routes. They are public: a login may fail, too. */
export function addProblemTypesRoutes(api: Api): void {
  const config = { public: true } as const;

  api.get('/problems', { schema: listProblemKindsSchema, config }, () => ({
    data: CODES.map(kindOf),
  }));

  api.get('/problems/:name', { schema: getProblemKindSchema, config }, ({ params }) => {
    const code = CODES.find((one) => problemName(one) === params.name);
    if (code !== undefined) return kindOf(code);
    throw new ProblemError('PULSE_API_NOT_FOUND', { detail: 'There is no such kind of problem.' });
  });
}

function kindOf(code: ProblemCode) {
  const { status, title } = PROBLEMS[code];
  return { type: problemType(code), code, status, title, ...PROBLEM_ADVICE[status] };
}
