/** What can go wrong in a round of orders. */
import { sleep } from '../../../src/platform/backoff.ts';
import { MESSAGE_STEPS, type MessageStep } from '../../../src/messaging/message-steps.ts';
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
import type { ServiceMood } from './enrichment-server.ts';
import type { OrderStage, Role } from './order-stage.ts';

export type OrderFault = StagedFault<Role, OrderStage>;

/** The steps that a process of each role reaches. Every role may relay any message. */
const STEPS: Partial<Record<Role, readonly MessageStep[]>> = {
  api: ['written', 'committed', 'relayed', 'confirmed'],
  processor: MESSAGE_STEPS.filter((step) => step !== 'committed' && step !== 'replied'),
  enricher: MESSAGE_STEPS.filter((step) => step !== 'committed' && step !== 'replied'),
};

const CRASHES: readonly OrderFault[] = Object.entries(STEPS).flatMap(([role, steps]) =>
  steps.map((step) => crashAfter(role as Role, step)),
);

/** In this order, which the seeds of earlier rounds refer to. */
const KILLED = ['api', 'processor', 'enricher', 'worker'] as const;
const PROCESSES: readonly OrderFault[] = [
  ...KILLED.map((role) => killOf<Role>(role)),
  ...(['processor', 'enricher'] as const).map((role) => zombieOf<Role>(role)),
];

const SERVERS: readonly OrderFault[] = (['rabbitmq', 'redis', 'postgres'] as const).map(
  killOfServer,
);

const MOODS: readonly ServiceMood[] = ['down', 'slow', 'garbage', 'cut'];
const SERVICE: readonly OrderFault[] = MOODS.map((mood) => ({
  name: `service-${mood}`,
  about: `the external service is ${mood} for a while`,
  async inject({ service }, random) {
    const before = service.harmedCount;
    service.mood = mood;
    await sleep(between(500, 2_500, random));
    try {
      await until('a call of the service', REACHED_TIMEOUT_MS, () => service.harmedCount > before);
    } finally {
      service.mood = 'well';
    }
    return `${service.harmedCount - before} calls`;
  },
}));

const LINKS: readonly OrderFault[] = (['rabbitmq', 'postgres', 'client'] as const).flatMap((link) =>
  linkFaults<Role>(link, 'the API'),
);

const GROUPS = [CRASHES, PROCESSES, SERVERS, SERVICE, LINKS];
export const ORDER_FAULTS = catalogueOf<OrderFault>('orders', NO_FAULT, GROUPS);
