/** The problems that only events answer with. */
import { defineProblems } from '../http/problems.ts';

export const EVENT_PROBLEMS = defineProblems({
  PULSE_API_NAME_RESERVED: { status: 409, title: "The name is reserved for Pulse's own events." },
  PULSE_API_EVENT_TYPE_BREAKS: {
    status: 409,
    title: 'The schema may refuse events that the version before it accepts.',
  },
  PULSE_API_TOO_MANY_EVENT_TYPES: { status: 409, title: 'There are too many event types.' },
  PULSE_API_TOO_MANY_EVENTS: { status: 413, title: 'The request carries too many events.' },
  PULSE_API_EVENT_SCHEMA_INVALID: {
    status: 422,
    title: 'Event types cannot use this schema.',
  },
  PULSE_API_EVENTS_REJECTED: { status: 422, title: 'No event was stored.' },
});
