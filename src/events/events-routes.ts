/** Events over HTTP: producers, types, sending, and the messages that clients pull. */
import type { ApiModule } from '../http/api-module.ts';
import { addEventTypes } from './event-types-routes.ts';
import { describeEventQueues } from './events-asyncapi.ts';
import { EVENT_PROBLEMS } from './events-problems.ts';
import { addMessages } from './messages-routes.ts';
import { addProducers } from './producers-routes.ts';
import { addSendEvents, type SendEventsDeps } from './send-events-routes.ts';

export interface EventsModuleDeps extends SendEventsDeps {
  /** Of the names of queues and exchanges. */
  readonly prefix: string;
}

export function createEventsModule(deps: EventsModuleDeps): ApiModule {
  return {
    tag: { name: 'events', description: 'What producers tell clients.' },
    problems: EVENT_PROBLEMS,
    queues: describeEventQueues(deps.prefix),
    addRoutes(api) {
      addProducers(api, deps.pool);
      addEventTypes(api, deps.pool);
      addSendEvents(api, deps);
      addMessages(api, deps.pool);
    },
  };
}
