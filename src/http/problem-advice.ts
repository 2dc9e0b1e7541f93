/** What a caller can do about a problem, by its status; the catalogue's codes say the rest. */
import type { PROBLEMS, ProblemCode } from './problems.ts';

/** Whether the same request may succeed later, and what to do. */
export interface ProblemAdvice {
  readonly retry: 'never' | 'later';
  readonly advice: string;
}

type ProblemStatus = (typeof PROBLEMS)[ProblemCode]['status'];

const never = (advice: string): ProblemAdvice => ({ retry: 'never', advice });
const later = (advice: string): ProblemAdvice => ({ retry: 'later', advice });

export const PROBLEM_ADVICE: Readonly<Record<ProblemStatus, ProblemAdvice>> = {
  400: never('Change the request: `errors` names the fields, as far as there are any.'),
  401: never('Log in, and send the token, or a key, as `Authorization: Bearer <token>`.'),
  403: never('Ask an administrator for what it takes.'),
  404: never('Look for a mistake in the path; what one may not see is not found either.'),
  405: never('Use a method that the header `Allow` names.'),
  408: later('Send it again, faster.'),
  409: later('Look at the state that stands against it; it may change.'),
  413: never('Send less at a time.'),
  414: never('Send a shorter URL.'),
  415: never('Set `Content-Type` to what the operation takes.'),
  422: never('Change the request as `detail` and `outcomes` say: nothing of it was taken.'),
  429: later('Send it again after `Retry-After` seconds.'),
  431: never('Send fewer or shorter headers.'),
  500: later('Report it with `request_id`: the log has the cause.'),
  503: later(
    'Send it again after `Retry-After` seconds, with growing pauses; pulses under the ids in `outcomes`.',
  ),
};
