/** The problems of sending pulses. */
import { defineProblems } from '../http/problems.ts';

export const SENDING_PROBLEMS = defineProblems({
  PULSE_API_TOO_MANY_PULSES: { status: 413, title: 'The request carries too many pulses.' },
  PULSE_API_PULSES_REJECTED: { status: 422, title: 'No pulse was accepted.' },
  PULSE_API_PULSES_UNCONFIRMED: { status: 503, title: 'No pulse was confirmed.' },
});
