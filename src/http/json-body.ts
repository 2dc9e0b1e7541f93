/** Parses JSON bodies, unless parsing one would take long, or would change a text. */
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { HAS_TOO_MANY_VALUES, hasTooManyValues } from '../core/json-size.ts';
import { parseJson, withoutByteOrderMark } from '../core/parse-json.ts';
import { charsetProblem } from './charset.ts';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its handler needs the body as it was sent, because parsing rounds numbers. */
    keepsBodyText?: true;
  }
  interface FastifyRequest {
    /** Empty, unless the route keeps it. */
    bodyText: string;
  }
}

const DETAIL_LENGTH_MAX = 200;

/** An escape that may be half of a surrogate pair. */
const SURROGATE = /\\u[dD][89a-fA-F]/;

/**
 * Replaces Fastify's parser of JSON by one that refuses bodies of very many members, and those that are not text:
 * Postgres would store a replacement character for what is not UTF-8 and for half a character, so that two different
 * names would become one.
 */
export function addJsonParser(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.decorateRequest('bodyText', '');
  app.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, body, done) => {
      const unread = charsetProblem(request.headers['content-type']);
      if (unread !== undefined) {
        done(unread);
        return;
      }
      if (hasTooManyValues(body)) {
        done(tooManyValues());
        return;
      }
      if (!isUtf8(body)) {
        done(malformed('The body is not UTF-8.'));
        return;
      }
      const text = body.toString('utf8');
      // As the parser does, without the byte order mark.
      if (request.routeOptions.config.keepsBodyText === true) {
        request.bodyText = withoutByteOrderMark(text);
      }
      void parse(request, text, (error, value: unknown) => {
        if (error !== null) {
          done(malformed(faultOf(text, body)));
        } else if (SURROGATE.test(text) && hasHalfCharacter(value)) {
          done(malformed('A text in the body contains half a character.'));
        } else done(null, value);
      });
    },
  );
}

/** Why the parser has refused a body in UTF-8. */
function faultOf(text: string, body: Buffer): string {
  if (text === '') return 'The body is empty.';
  const value = parseJson(withoutByteOrderMark(text), body);
  if (value instanceof SyntaxError) return value.message.slice(0, DETAIL_LENGTH_MAX);
  return 'An object in the body has a member __proto__, or a member constructor with a member prototype. They are refused.';
}

/** In a text or in a name. Without recursion, because a body may be nested deeper than the stack. */
function hasHalfCharacter(root: unknown): boolean {
  const rest = [root];
  while (rest.length > 0) {
    const value = rest.pop();
    if (typeof value === 'string') {
      if (/\p{Cs}/u.test(value)) return true;
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) rest.push(name, member);
    }
  }
  return false;
}

function malformed(detail: string): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY, { detail });
}

export function tooManyValues(): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_BODY_TOO_LARGE, {
    detail: `The body ${HAS_TOO_MANY_VALUES}`,
  });
}
