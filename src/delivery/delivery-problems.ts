/** The problems that only endpoints and deliveries answer with. */
import { defineProblems } from '../http/problems.ts';

export const DELIVERY_PROBLEMS = defineProblems({
  PULSE_API_ENDPOINT_CLIENT: {
    status: 409,
    title: 'The endpoint belongs to another client, which never changes.',
  },
  PULSE_API_ENDPOINT_SECRET: {
    status: 409,
    title: 'The endpoint exists, so its secret can only be rotated.',
  },
  PULSE_API_TOO_MANY_ENDPOINTS: { status: 409, title: 'The client has too many endpoints.' },
  PULSE_API_ENDPOINT_DISABLED: { status: 409, title: 'The endpoint is disabled or deleted.' },
  PULSE_API_MESSAGE_EXPIRED: { status: 409, title: 'The message is no longer stored.' },
  PULSE_API_NO_SECRET_KEY: {
    status: 409,
    title: 'Pulse has no key for the secrets of endpoints.',
  },
});
