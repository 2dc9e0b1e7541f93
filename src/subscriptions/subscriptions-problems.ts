/** The problems that only subscriptions answer with. */
import { defineProblems } from '../http/problems.ts';

export const SUBSCRIPTION_PROBLEMS = defineProblems({
  PULSE_API_SUBSCRIPTION_STATUS: {
    status: 409,
    title: 'The status of the subscription does not allow the change.',
  },
  PULSE_API_CHANGE_PENDING: {
    status: 409,
    title: 'A pending change of the subscription is in the way.',
  },
  PULSE_API_CHANGE_NOT_PENDING: { status: 409, title: 'The change is not pending.' },
  PULSE_API_CHANGE_TOO_EARLY: {
    status: 409,
    title: 'The change would take effect before an earlier one.',
  },
  PULSE_API_TOO_MANY_CHANGES: {
    status: 409,
    title: 'The subscription or its customer has as many changes as one may have.',
  },
  PULSE_API_TOO_MANY_SUBSCRIPTIONS: {
    status: 409,
    title: 'The customer has as many subscriptions as one may have.',
  },
  PULSE_API_SUBSCRIPTION_EXISTS: { status: 409, title: 'There is a subscription with this id.' },
});
