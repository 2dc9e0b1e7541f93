/** The problems of the quarantine routes. */
import { defineProblems } from '../http/problems.ts';

export const QUARANTINE_PROBLEMS = defineProblems({
  PULSE_API_DEAD_LETTER_STATE: { status: 409, title: 'The dead letter is no longer waiting.' },
  PULSE_API_DEAD_LETTER_FORGOTTEN: {
    status: 409,
    title: 'The pulse may have been counted, and its id is no longer remembered.',
  },
  PULSE_API_DEAD_LETTER_FULL: {
    status: 409,
    title: 'The dead letter has as many actions as it may have.',
  },
  PULSE_API_DEAD_LETTER_UNROUTABLE: {
    status: 409,
    title: 'The queue that the dead letter came from no longer exists.',
  },
  PULSE_API_REPLAY_BUSY: { status: 409, title: 'A bulk replay is in progress.' },
});
