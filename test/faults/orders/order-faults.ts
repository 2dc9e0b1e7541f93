/** What can go wrong in a round of orders. */
import { sleep } from '../../../src/platform/backoff.ts';
import { MESSAGE_STEPS, type MessageStep } from '../../../src/messaging/message-steps.ts';
import type { Random } from '../../../src/populate/random.ts';
import { until } from '../../support/until.ts';
import { between, pick } from '../fault.ts';
import type { Env } from '../pulse-child.ts';
import type { ServiceMood } from './enrichment-server.ts';
import type { OrderStage, Role } from './order-stage.ts';

export interface OrderFault {
  readonly name: string;
  readonly about: string;
  /** Environment for the first process of this role. */
  readonly crash?: { readonly role: Role; readonly env: (random: Random) => Env };
  readonly inject: (stage: OrderStage, random: Random) => Promise<string | undefined>;
}

const REACHED_TIMEOUT_MS = 20_000;

/** The steps that a process of each role reaches. Every role may relay any message. */
const STEPS: Partial<Record<Role, readonly MessageStep[]>> = {
  api: ['written', 'committed', 'relayed', 'confirmed'],
  processor: MESSAGE_STEPS.filter((step) => step !== 'committed' && step !== 'replied'),
  enricher: MESSAGE_STEPS.filter((step) => step !== 'committed' && step !== 'replied'),
};

const CRASHES: readonly OrderFault[] = Object.entries(STEPS).flatMap(([name, steps]) => {
  const role = name as Role;
  return steps.map((step): OrderFault => ({
    name: `crash-${role}-${step}`,
    about: `SIGKILL of the ${role} right after a message is ${step}`,
    crash: {
      role,
      env: (random) => ({ PULSE_CRASH_AT: `message:${step}:${between(1, 4, random)}` }),
    },
    async inject({ seats }) {
      await until('the crash point', REACHED_TIMEOUT_MS, () =>
        seats[role].worker.ends.includes('SIGKILL'),
      );
      return undefined;
    },
  }));
});

const PROCESSES: readonly OrderFault[] = (['api', 'processor', 'enricher', 'worker'] as const).map(
  (role) => ({
    name: `${role}-kill`,
    about: `SIGKILL of the ${role} at random moments, one to three times`,
    async inject({ seats }, random) {
      const times = between(1, 3, random);
      for (let time = 0; time < times; time++) {
        seats[role].worker.kill();
        await sleep(between(300, 1_500, random));
      }
      return undefined;
    },
  }),
);

const FREEZES: readonly OrderFault[] = (['processor', 'enricher'] as const).map((role) => ({
  name: `${role}-zombie`,
  about: `the ${role} is suspended, its connections to RabbitMQ break, and it wakes up`,
  async inject({ seats }) {
    seats[role].worker.child.signal('SIGSTOP');
    seats[role].proxies.rabbitmq.reset();
    await sleep(2_000);
    seats[role].worker.child.signal('SIGCONT');
    return undefined;
  },
}));

const SERVERS: readonly OrderFault[] = (['rabbitmq', 'redis', 'postgres'] as const).map((name) => ({
  name: `${name}-kill`,
  about: `SIGKILL of ${name}, and a restart`,
  async inject({ servers }, random) {
    await servers.bounce(name, between(0, 1_500, random));
    return undefined;
  },
}));

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

const LINKS: readonly OrderFault[] = (['rabbitmq', 'postgres', 'client'] as const).flatMap(
  (link): OrderFault[] => [
    {
      name: `net-${link}-flap`,
      about: `the connections to ${link} are reset again and again`,
      async inject(stage, random) {
        for (let time = 0; time < 6; time++) {
          for (const proxy of proxiesTo(stage, link)) proxy.reset();
          await sleep(between(50, 500, random));
        }
        return undefined;
      },
    },
    {
      name: `net-${link}-reply-lost`,
      about: `${link === 'client' ? 'the API' : link} works on, but its replies are lost`,
      async inject(stage, random) {
        const proxies = proxiesTo(stage, link);
        for (let time = 0; time < 2; time++) {
          for (const proxy of proxies) proxy.swallow('reply');
          await sleep(between(100, 900, random));
          for (const proxy of proxies) proxy.heal();
          await sleep(between(100, 500, random));
        }
        return undefined;
      },
    },
  ],
);

function proxiesTo({ clientProxy, seats }: OrderStage, link: 'rabbitmq' | 'postgres' | 'client') {
  if (link === 'client') return [clientProxy];
  return Object.values(seats).map(({ proxies }) => proxies[link]);
}

const NO_FAULT: OrderFault = {
  name: 'none',
  about: 'no fault: checks the round itself',
  inject: () => Promise.resolve(undefined),
};

const GROUPS = [CRASHES, [...PROCESSES, ...FREEZES], SERVERS, SERVICE, LINKS];
export const ORDER_FAULTS: readonly OrderFault[] = [NO_FAULT, ...GROUPS.flat()];

export function orderFaultNamed(name: string): OrderFault {
  const fault = ORDER_FAULTS.find((one) => one.name === name);
  if (fault === undefined) {
    throw new RangeError(`There is no fault "${name}" for orders; --orders --list names them.`);
  }
  return fault;
}

/** One to three faults from different groups, so at most one crash point. */
export function chooseOrderFaults(random: Random): OrderFault[] {
  const count = between(1, 3, random);
  const chosen = new Map<readonly OrderFault[], OrderFault>();
  while (chosen.size < count) {
    const group = pick(GROUPS, random);
    if (!chosen.has(group)) chosen.set(group, pick(group, random));
  }
  return [...chosen.values()];
}
