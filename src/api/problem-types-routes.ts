/** GET /problems and GET /problems/:name: the pages that the `type` of a problem points to. */
import type { Api } from '../http/api-module.ts';
import {
  HTTP_PROBLEMS,
  PROBLEM_ADVICE,
  ProblemError,
  problemName,
  problemType,
  type ProblemKind,
} from '../http/problems.ts';
import { getProblemKindSchema, listProblemKindsSchema } from './problem-types-schema.ts';

/** Adds the routes. They are public, because a login may fail too. */
export function addProblemTypesRoutes(api: Api, kinds: readonly ProblemKind[]): void {
  const config = { public: true } as const;

  api.get('/problems', { schema: listProblemKindsSchema, config }, () => ({
    data: kinds.map(toApi),
  }));

  api.get('/problems/:name', { schema: getProblemKindSchema, config }, ({ params }) => {
    const kind = kinds.find(({ code }) => problemName(code) === params.name);
    if (kind !== undefined) return toApi(kind);
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
      detail: 'There is no such kind of problem.',
    });
  });
}

function toApi({ code, status, title }: ProblemKind) {
  return { type: problemType(code), code, status, title, ...PROBLEM_ADVICE[status] };
}
