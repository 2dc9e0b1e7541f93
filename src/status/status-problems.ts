/** The problems of the status routes. */
import { defineProblems } from '../http/problems.ts';

export const STATUS_PROBLEMS = defineProblems({
  PULSE_API_TOO_MANY_STREAMS: { status: 429, title: 'Too many streams are open.' },
});
