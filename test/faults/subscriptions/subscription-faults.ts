/** What can go wrong in a round of subscriptions. */
import { MESSAGE_STEPS } from '../../../src/messaging/message-steps.ts';
import {
  catalogueOf,
  crashAfter,
  killOf,
  killOfServer,
  linkFaults,
  NO_FAULT,
  zombieOf,
  type StagedFault,
} from '../staged-fault.ts';
import { ROLES, type Role } from './subscription-stage.ts';

export type SubscriptionFault = StagedFault<Role>;

const CRASHES: readonly SubscriptionFault[] = MESSAGE_STEPS.filter(
  (step) => step !== 'committed',
).map((step) => crashAfter('processor', step));

const PROCESSES: readonly SubscriptionFault[] = [
  ...ROLES.map((role) => killOf(role)),
  zombieOf('processor'),
];

const SERVERS: readonly SubscriptionFault[] = (['rabbitmq', 'postgres'] as const).map(killOfServer);

const LINKS: readonly SubscriptionFault[] = (['rabbitmq', 'postgres', 'client'] as const).flatMap(
  (link) => linkFaults<Role>(link, 'RabbitMQ'),
);

const GROUPS = [CRASHES, PROCESSES, SERVERS, LINKS];
export const SUBSCRIPTION_FAULTS = catalogueOf<SubscriptionFault>(
  'subscriptions',
  NO_FAULT,
  GROUPS,
);
