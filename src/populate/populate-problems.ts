/** The problems of the populate routes. */
import { defineProblems } from '../http/problems.ts';

export const POPULATE_PROBLEMS = defineProblems({
  PULSE_API_POPULATE_BUSY: { status: 409, title: 'Too many populate runs are in progress.' },
});
