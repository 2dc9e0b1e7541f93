/** What can go wrong in a round of deliveries. */
import { DELIVERY_STEPS } from '../../../src/delivery/delivery-steps.ts';
import { sleep } from '../../../src/platform/backoff.ts';
import { until } from '../../support/until.ts';
import { between } from '../fault.ts';
import {
  catalogueOf,
  crashAfter,
  killOf,
  killOfServer,
  linkFaults,
  NO_FAULT,
  REACHED_TIMEOUT_MS,
  zombieOf,
  type StagedFault,
} from '../staged-fault.ts';
import { ROLES, type DeliveryStage, type Role } from './delivery-stage.ts';
import type { Weather } from './receivers.ts';

export type DeliveryFault = StagedFault<Role, DeliveryStage>;

/** Longer than a lease lasts in a round, so another sender takes over. */
const SENDER_STOP_MS = 3_500;

const CRASHES: readonly DeliveryFault[] = [
  ...DELIVERY_STEPS.map((step) => crashAfter<Role>('sender', step, 'delivery')),
  ...(['delivered', 'written', 'handled', 'acknowledged'] as const).map((step) =>
    crashAfter<Role>('processor', step),
  ),
];

const PROCESSES: readonly DeliveryFault[] = [
  ...ROLES.map((role) => killOf(role)),
  zombieOf<Role>('processor'),
  zombieOf<Role>('sender', SENDER_STOP_MS),
];

const SERVERS: readonly DeliveryFault[] = (['rabbitmq', 'postgres'] as const).map(killOfServer);

const LINKS: readonly DeliveryFault[] = (['rabbitmq', 'postgres', 'client'] as const).flatMap(
  (link) => linkFaults<Role>(link, 'RabbitMQ and the API'),
);

const WEATHERS: readonly Weather[] = ['down', 'failing', 'hanging', 'answers-lost'];
const RECEIVERS: readonly DeliveryFault[] = WEATHERS.map((weather) => ({
  name: `receivers-${weather}`,
  about: `the receivers are ${weather} for a while, except one`,
  async inject({ receivers }, random) {
    const before = receivers.harmedCount;
    receivers.weather = weather;
    try {
      await sleep(between(500, 2_000, random));
      await until('a webhook', REACHED_TIMEOUT_MS, () => receivers.harmedCount > before);
    } finally {
      receivers.weather = 'calm';
    }
    return `${receivers.harmedCount - before} webhooks`;
  },
}));

const GROUPS = [CRASHES, PROCESSES, SERVERS, LINKS, RECEIVERS];
export const DELIVERY_FAULTS = catalogueOf<DeliveryFault>('deliveries', NO_FAULT, GROUPS);
