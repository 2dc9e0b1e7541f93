/** The character encoding that a request names for its body. */
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';

/** UTF-8, and what is the same in UTF-8, with the spellings that programs use. */
const READ_CHARSETS = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]+)/gi;

/** 415 for a body that would be read as other characters than were sent. */
export function charsetProblem(contentType: string | undefined): ProblemError | undefined {
  for (const [, charset = ''] of (contentType ?? '').matchAll(CHARSET)) {
    if (READ_CHARSETS.has(charset.toLowerCase())) continue;
    return new ProblemError(HTTP_PROBLEMS.PULSE_API_MEDIA_TYPE, {
      detail: `The body is read as UTF-8, not as ${charset.slice(0, 40)}. Send it in UTF-8.`,
    });
  }
  return undefined;
}
