/** Faults of processes, servers and connections, for every kind of round whose processes have names. */
import { sleep } from '../../src/platform/backoff.ts';
import type { DeliveryStep } from '../../src/delivery/delivery-steps.ts';
import type { ExportPoint } from '../../src/exports/export-points.ts';
import type { MessageStep } from '../../src/messaging/message-steps.ts';
import { createRandom, type Random } from '../../src/populate/random.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { between, pick, type Seat } from './fault.ts';
import { injectFault, type RoundLog } from './played-round.ts';
import type { Env } from './pulse-child.ts';
import type { ServerName, TestServers } from './test-servers.ts';

/** What these faults act on. */
export interface FaultyStage<Role extends string> {
  readonly servers: TestServers;
  readonly seats: Readonly<Record<Role, Seat>>;
  /** Between the client and what it talks to. */
  readonly clientProxy: TcpProxy;
}

export interface StagedFault<Role extends string, Stage = FaultyStage<Role>> {
  readonly name: string;
  readonly about: string;
  /** Environment for the first process of a role. */
  readonly first?: { readonly role: Role; readonly env: (random: Random) => Env };
  readonly inject: (stage: Stage, random: Random) => Promise<string | undefined>;
}

export const REACHED_TIMEOUT_MS = 20_000;

export const NO_FAULT: StagedFault<never, unknown> = {
  name: 'none',
  about: 'no fault: checks the round itself',
  inject: () => Promise.resolve(undefined),
};

/** A crash at a step of a message, of a delivery to an endpoint, or of an export. */
export function crashAfter<Role extends string>(
  role: Role,
  step: MessageStep | DeliveryStep | ExportPoint,
  scope: 'message' | 'delivery' | 'export' = 'message',
): StagedFault<Role> {
  return {
    name: `crash-${role}-${step}`,
    about: `SIGKILL of the ${role} right after a ${scope} is ${step}`,
    first: {
      role,
      env: (random) => ({ PULSE_CRASH_AT: `${scope}:${step}:${between(1, 4, random)}` }),
    },
    async inject({ seats }) {
      await until('the crash point', REACHED_TIMEOUT_MS, () =>
        seats[role].worker.ends.includes('SIGKILL'),
      );
      return undefined;
    },
  };
}

export function killOf<Role extends string>(role: Role): StagedFault<Role> {
  return {
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
  };
}

export function zombieOf<Role extends string>(role: Role, stopMs = 2_000): StagedFault<Role> {
  return {
    name: `${role}-zombie`,
    about: `the ${role} is suspended, its connections to RabbitMQ break, and it wakes up`,
    async inject({ seats }) {
      seats[role].worker.child.signal('SIGSTOP');
      seats[role].proxies.rabbitmq.reset();
      await sleep(stopMs);
      seats[role].worker.child.signal('SIGCONT');
      return undefined;
    },
  };
}

export function killOfServer(name: ServerName): StagedFault<never> {
  return {
    name: `${name}-kill`,
    about: `SIGKILL of ${name}, and a restart`,
    async inject({ servers }, random) {
      await servers.bounce(name, between(0, 1_500, random));
      return undefined;
    },
  };
}

/** @param served What works on while its replies to the client are lost. */
export function linkFaults<Role extends string>(
  link: 'rabbitmq' | 'postgres' | 'client',
  served: string,
): readonly StagedFault<Role>[] {
  return [
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
      about: `${link === 'client' ? served : link} works on, but its replies are lost`,
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
  ];
}

function proxiesTo<Role extends string>(
  { clientProxy, seats }: FaultyStage<Role>,
  link: 'rabbitmq' | 'postgres' | 'client',
): TcpProxy[] {
  if (link === 'client') return [clientProxy];
  return Object.values<Seat>(seats).map(({ proxies }) => proxies[link]);
}

/** The faults of one kind of round, by groups. */
export interface FaultCatalogue<Fault extends { readonly name: string }> {
  readonly faults: readonly Fault[];
  /** @throws RangeError There is no such fault. */
  readonly faultNamed: (name: string) => Fault;
  /** Those with these names, or what the seed chooses. */
  readonly chooseFaults: (names: readonly string[] | undefined, seed: number) => Fault[];
}

/** @param kind As in `--orders`. */
export function catalogueOf<Fault extends { readonly name: string }>(
  kind: string,
  none: Fault,
  groups: readonly (readonly Fault[])[],
): FaultCatalogue<Fault> {
  const faults = [none, ...groups.flat()];
  const faultNamed = (name: string): Fault => {
    const fault = faults.find((one) => one.name === name);
    if (fault !== undefined) return fault;
    throw new RangeError(`There is no fault "${name}" for ${kind}; --${kind} --list names them.`);
  };
  return {
    faults,
    faultNamed,
    chooseFaults: (names, seed) =>
      names?.map(faultNamed) ?? chooseOfGroups(groups, createRandom(seed)),
  };
}

/** One to three faults from different groups, so at most one crash point. */
function chooseOfGroups<Fault>(groups: readonly (readonly Fault[])[], random: Random): Fault[] {
  const count = between(1, 3, random);
  const chosen = new Map<readonly Fault[], Fault>();
  while (chosen.size < count) {
    const group = pick(groups, random);
    if (!chosen.has(group)) chosen.set(group, pick(group, random));
  }
  return [...chosen.values()];
}

/** The environment of the first processes, in which crash points and the like are set. */
export function firstEnvOf<Role extends string, Stage>(
  faults: readonly StagedFault<Role, Stage>[],
  seed: number,
): Partial<Record<Role, Env>> {
  const firstEnv: Partial<Record<Role, Env>> = {};
  for (const { first } of faults) {
    if (first !== undefined) firstEnv[first.role] = first.env(createRandom(seed + 100));
  }
  return firstEnv;
}

/** Injects all faults, each at a moment of its own while the traffic lasts. */
export async function injectAll<Role extends string, Stage>(
  faults: readonly StagedFault<Role, Stage>[],
  stage: Stage,
  {
    seed,
    durationMs,
    log,
  }: { readonly seed: number; readonly durationMs: number; readonly log: RoundLog },
): Promise<void> {
  await Promise.all(
    faults.map(async (fault, index) => {
      const random = createRandom(seed + 10 + index);
      await sleep(between(100, Math.floor(durationMs * 0.7), random));
      await injectFault(fault.name, () => fault.inject(stage, random), log);
    }),
  );
}
