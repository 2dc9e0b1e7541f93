/** The problems of authentication, and of changing who may do what. */
import { defineProblems } from '../http/problems.ts';

export const ACCESS_PROBLEMS = defineProblems({
  PULSE_API_UNAUTHENTICATED: { status: 401, title: 'A valid token is needed.' },
  PULSE_API_INVALID_CREDENTIALS: { status: 401, title: 'The username or password is wrong.' },
  PULSE_API_USER_EXISTS: { status: 409, title: 'There is a user with this name.' },
  PULSE_API_TOO_MANY_USERS: { status: 409, title: 'There are too many users.' },
  PULSE_API_TOO_MANY_KEYS: { status: 409, title: 'There are too many keys.' },
  PULSE_API_OWN_ACCESS: { status: 409, title: 'Admins cannot take away their own access.' },
  PULSE_API_LAST_ADMIN: { status: 409, title: 'The user is the last enabled admin.' },
  PULSE_API_WRONG_PASSWORD: { status: 422, title: 'The current password is wrong.' },
  PULSE_API_NO_PASSWORD: { status: 422, title: 'The caller is a key, which has no password.' },
});
