/** The problems that only workflows answer with. */
import { defineProblems } from '../http/problems.ts';

export const WORKFLOW_PROBLEMS = defineProblems({
  PULSE_API_TOO_MANY_WORKFLOWS: { status: 429, title: 'Too many workflows wait to be consumed.' },
  PULSE_API_WORKFLOW_QUOTA: {
    status: 409,
    title: 'The workflows take all the space they may.',
  },
  PULSE_API_WORKFLOW_NOT_CONSUMED: { status: 409, title: 'The workflow is not consumed.' },
});
