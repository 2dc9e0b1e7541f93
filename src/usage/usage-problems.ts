/** The problems of questions about usage. */
import { defineProblems } from '../http/problems.ts';

export const USAGE_PROBLEMS = defineProblems({
  PULSE_API_SUMS_LOST: { status: 503, title: 'Sums that were not flushed may be lost.' },
});
