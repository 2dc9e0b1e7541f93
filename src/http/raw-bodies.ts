/** Bodies as bytes, for routes that must not round a number by parsing it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { Api } from './api-module.ts';
import { charsetProblem } from './charset.ts';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

export interface RawBody<MediaType extends string> {
  /** Without parameters. */
  readonly mediaType: MediaType;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Replaces the parsers of a scope: its routes get a `RawBody`, or undefined for a request without a body. */
export function takeRawBodies(scope: Api, mediaTypes: readonly string[]): void {
  scope.removeAllContentTypeParsers();
  for (const mediaType of mediaTypes) {
    scope.addContentTypeParser(mediaType, { parseAs: 'buffer' }, (request, body, parsed) => {
      const { headers } = request;
      const sent: RawBody<string> = { mediaType, headers, body: body as Buffer };
      parsed(charsetProblem(headers['content-type']) ?? null, sent);
    });
  }
  scope.addContentTypeParser('*', (_request, _payload, parsed) => {
    const detail = `The body must be one of ${mediaTypes.join(', ')}.`;
    parsed(new ProblemError(HTTP_PROBLEMS.PULSE_API_MEDIA_TYPE, { detail }));
  });
}

/** @throws ProblemError 415 */
export function refuseEncoding({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return;
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_MEDIA_TYPE, {
    detail: 'The body must not be compressed.',
    headers: { 'accept-encoding': 'identity' },
  });
}
