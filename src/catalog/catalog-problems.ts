/** The problems that only the catalogue answers with. */
import { defineProblems } from '../http/problems.ts';

export const CATALOG_PROBLEMS = defineProblems({
  PULSE_API_TENANT_TAKEN: { status: 409, title: 'Another customer has this tenant.' },
  PULSE_API_UNIT_EXISTS: { status: 409, title: 'The unit exists with another factor.' },
  PULSE_API_PRICE_EXISTS: {
    status: 409,
    title: 'A price in this currency starts at the same instant.',
  },
});
