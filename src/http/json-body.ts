/** Parses JSON bodies, unless parsing one would take long. */
import type { FastifyInstance } from 'fastify';
import { hasTooManyValues, JSON_VALUES_MAX } from '../core/json-size.ts';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

/** Replaces Fastify's parser of JSON by one that refuses bodies of very many members. */
export function addJsonParser(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, body, done) => {
      if (hasTooManyValues(body)) done(tooManyValues());
      else void parse(request, body.toString('utf8'), done);
    },
  );
}

export function tooManyValues(): ProblemError {
  const count = JSON_VALUES_MAX.toLocaleString('en');
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_BODY_TOO_LARGE, {
    detail: `The body has more than ${count} members and elements.`,
  });
}
