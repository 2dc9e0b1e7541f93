/** The problems of authentication. */
import { defineProblems } from '../http/problems.ts';

export const ACCESS_PROBLEMS = defineProblems({
  PULSE_API_UNAUTHENTICATED: { status: 401, title: 'A valid token is needed.' },
  PULSE_API_INVALID_CREDENTIALS: { status: 401, title: 'The username or password is wrong.' },
});
