/** What may happen to the system between two tasks: traffic, faults, and commands that operators run. */
import fc, { type AsyncCommand } from 'fast-check';
import type { Cut } from './amqp-connection.ts';
import { CALL_KINDS } from './redis-calls.ts';
import type { System } from './system.ts';
import { IDENTITY_COUNT, messageOf, type MessagePlan } from './traffic.ts';
import type { Fate } from './world.ts';

/** fast-check wants a model; here the history is the oracle, so the model is empty. */
type Nothing = Record<string, never>;

type Act = (system: System) => void;

class Command implements AsyncCommand<Nothing, System, true> {
  readonly #name: string;
  readonly #act: Act;

  constructor(name: string, act: Act) {
    this.#name = name;
    this.#act = act;
  }

  check(): Promise<boolean> {
    return Promise.resolve(true);
  }

  run(_: Nothing, system: System): Promise<void> {
    this.#act(system);
    return Promise.resolve();
  }

  toString(): string {
    return this.#name;
  }
}

const plan: fc.Arbitrary<MessagePlan> = fc.record({
  identities: fc.array(fc.nat(IDENTITY_COUNT - 1), { minLength: 1, maxLength: 3 }),
  idIn: fc.constantFrom('body', 'message'),
  packing: fc.constantFrom('single', 'array'),
});

const cut: fc.Arbitrary<Cut> = fc.record({
  dropsToServer: fc.boolean(),
  dropsToClient: fc.boolean(),
});

const fate: fc.Arbitrary<Fate> = fc.constantFrom('refused', 'unanswered', 'late', 'very late');

/** Picks one of the given values, if there are any. */
function pick<T>(all: readonly T[], choice: number): T | undefined {
  return all[choice % Math.max(1, all.length)];
}

function named<T>(name: string, values: fc.Arbitrary<T>, act: (system: System, value: T) => void) {
  return values.map(
    (value) =>
      new Command(`${name}(${fc.stringify(value)})`, (system) => {
        act(system, value);
      }),
  );
}

const publish = named(
  'publish',
  fc.array(plan, { minLength: 1, maxLength: 4 }),
  (system, plans) => {
    for (const one of plans) system.publish(messageOf(one));
  },
);

const startWorker = named('start a worker', fc.constant(0), (system) => {
  if (system.workers.filter(({ process }) => process.alive).length < 3) system.startWorker();
});

const killWorker = named(
  'kill a worker',
  fc.tuple(fc.nat(3), fc.boolean()),
  (system, [which, lost]) => {
    pick(system.workers, which)?.process.die(lost);
  },
);

const drainWorker = named('drain a worker', fc.nat(3), (system, which) => {
  const worker = pick(system.workers, which);
  if (worker?.process.alive === true) system.drain(worker);
});

const flush = named('flush', fc.constant(0), (system) => {
  system.startFlush();
});

/** Both find what was sealed. */
const flushTwice = named('seal, and flush twice at once', fc.nat(1), (system, shard) => {
  system.sealAlone(shard);
  system.startFlush();
  system.startFlush();
});

const killFlusher = named(
  'kill a flusher',
  fc.tuple(fc.nat(3), fc.boolean()),
  (system, [which, lost]) => {
    pick(
      system.flushers.filter(({ alive }) => alive),
      which,
    )?.die(lost);
  },
);

const seal = named('seal and die', fc.nat(1), (system, shard) => {
  system.sealAlone(shard);
});

const restartQuarantine = named('restart the quarantine', fc.boolean(), (system, lost) => {
  system.killQuarantine(lost);
  system.startQuarantine();
});

const stop = named('stop a process', fc.nat(9), (system, which) => {
  pick(
    system.world.processes.filter(({ alive }) => alive),
    which,
  )?.stop();
});

const resume = named('resume all stopped processes', fc.constant(0), (system) => {
  for (const process of system.world.processes) process.resume();
});

const cutRabbit = named('cut from rabbit', fc.tuple(fc.nat(9), cut), (system, [which, how]) => {
  pick(system.connections, which)?.cut(how);
});

const restartRabbit = named(
  'restart rabbit',
  fc.tuple(fc.nat(3), cut),
  (system, [refusals, how]) => {
    system.broker.refusals += refusals;
    for (const connection of system.connections) connection.cut(how);
  },
);

const fillRabbit = named('queue full', fc.boolean(), (system, full) => {
  system.broker.full = full;
});

const refuseDeadLetters = named('dead letters refused', fc.nat(30), (system, count) => {
  system.broker.deadRefusals += count;
});

const failRedis = named(
  'redis',
  fc.tuple(
    fc.constantFrom(...CALL_KINDS, 'commit' as const),
    fc.array(fate, { minLength: 1, maxLength: 3 }),
  ),
  (system, [kind, fates]) => {
    system.redis.fail(kind, fates);
  },
);

const cutPostgres = named('cut from postgres', fc.tuple(fc.nat(9), cut), (system, [which, how]) => {
  pick(system.clients, which)?.cut(how);
});

const restartPostgres = named(
  'restart postgres',
  fc.tuple(fc.nat(3), cut),
  (system, [refusals, how]) => {
    system.postgres.refusals += refusals;
    for (const client of system.clients) client.cut(how);
  },
);

const breakCommit = named('break at COMMIT', fc.boolean(), (system, arrives) => {
  system.postgres.brokenCommits.push(arrives);
});

const breakCopy = named('break in COPY', fc.constant(0), (system) => {
  system.postgres.brokenCopies += 1;
});

const stepClock = named(
  'step the clock',
  fc.integer({ min: -7_200_000, max: 7_200_000 }),
  (system, ms) => {
    system.world.clock.stepWall(ms);
  },
);

const passTime = named('time passes', fc.constantFrom(100, 1_000, 4_000, 60_000), (system, ms) => {
  system.world.clock.pass(ms);
});

const verify = named('verify', fc.constant(0), (system) => {
  system.verify();
});

/** No faults except refused dead letters, which concern no good pulse: traffic, flushes and checks, closely packed. */
export const peacefulCommands = fc.commands(
  [publish, publish, startWorker, flush, flush, verify, verify, refuseDeadLetters],
  { maxCommands: 25, size: 'max' },
);

/** Traffic and flushes are more frequent than any one fault. */
export const commands = fc.commands(
  [
    publish,
    publish,
    publish,
    flush,
    flush,
    flushTwice,
    flushTwice,
    startWorker,
    killWorker,
    drainWorker,
    killFlusher,
    seal,
    restartQuarantine,
    stop,
    resume,
    cutRabbit,
    restartRabbit,
    fillRabbit,
    refuseDeadLetters,
    failRedis,
    failRedis,
    failRedis,
    cutPostgres,
    restartPostgres,
    breakCommit,
    breakCopy,
    stepClock,
    passTime,
    passTime,
    passTime,
    verify,
  ],
  { maxCommands: 30, size: 'max' },
);
