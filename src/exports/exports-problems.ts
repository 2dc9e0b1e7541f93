/** The problems that only exports answer with. */
import { defineProblems } from '../http/problems.ts';

export const EXPORT_PROBLEMS = defineProblems({
  PULSE_API_TOO_MANY_EXPORTS: { status: 429, title: 'Too many exports are waiting.' },
  PULSE_API_EXPORT_QUOTA: {
    status: 409,
    title: 'The files of exports are as many or as large as they may be.',
  },
  PULSE_API_EXPORT_NOT_READY: { status: 409, title: 'The export has no file.' },
  PULSE_API_EXPORT_FILE_MISSING: { status: 503, title: 'The API cannot find the file.' },
  PULSE_API_EXPORT_LINK: { status: 403, title: 'The link has expired or is incomplete.' },
});
