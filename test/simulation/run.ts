/** One run: commands and tasks in the order that fast-check draws, then recovery, then the final check. */
import fc, { type AsyncCommand, type Scheduler } from 'fast-check';
import { createRandom } from '../../src/populate/random.ts';
import { rabbitDoors } from './rabbit-doors.ts';
import { System, type SystemOptions } from './system.ts';
import { installClock } from './virtual-clock.ts';
import { Violation, World, type Circumstance } from './world.ts';

/** More tasks than any run needs: reaching it means an endless loop. */
const TASKS_MAX = 20_000;
/** The last flush may find a batch that another flusher held, and then the next one is needed. */
const FLUSHES_MAX = 4;

export const systemOptions: fc.Arbitrary<Omit<SystemOptions, 'peaceful'>> = fc.record({
  shards: fc.constantFrom(1, 2),
  batchSize: fc.constantFrom(2, 4),
  prefetch: fc.constantFrom(4, 9),
  journalBytesMax: fc.constantFrom(400, 1_000_000, 1_000_000),
  generationIdsMax: fc.constantFrom(1, 3, 1_000),
  retryForMs: fc.constantFrom(0, 300, 30_000),
  locksWork: fc.boolean(),
  seed: fc.noShrink(fc.nat()),
});

type Plan = Iterable<AsyncCommand<Record<string, never>, System, true>>;

export interface RunReport {
  readonly taskCount: number;
  readonly met: ReadonlyMap<Circumstance, number>;
}

/**
 * @throws Violation, or what the code under test should never throw.
 */
export async function simulate(
  scheduler: Scheduler,
  options: SystemOptions,
  plan: Plan,
): Promise<RunReport> {
  // Repeatable randomness for choices that fast-check need not draw.
  const generator = createRandom(options.seed);
  const random = (): number => generator.fraction();
  const world = new World(scheduler);
  const system = new System(world, options, random);
  const nextTurn = setImmediate;
  const uninstall = installClock(world.clock, random);
  let taskCount = 0;
  const untilIdle = async (): Promise<void> => {
    for (;;) {
      // All code of all processes runs until it waits, down to the last promise and tick.
      await new Promise((resolve) => nextTurn(resolve));
      world.check();
      system.history.afterStep();
      if (scheduler.count() > 0) await scheduler.waitNext(1);
      else if (!world.clock.passToNext(system.hasWork)) return;
      if (++taskCount > TASKS_MAX) throw new Violation('it never comes to rest');
    }
  };
  try {
    system.startWorker();
    system.startQuarantine();
    scheduler.scheduleSequence(
      [...plan].map((command) => ({
        label: String(command),
        builder: () => command.run({}, system),
      })),
    );
    await untilIdle();
    await finish(system, untilIdle);
    return { taskCount, met: world.met };
  } finally {
    uninstall();
    rabbitDoors.clear();
  }
}

/** Heals every fault, lets all work end, and checks the whole. */
async function finish(system: System, untilIdle: () => Promise<void>): Promise<void> {
  const { broker, redis, postgres, world } = system;
  broker.full = false;
  broker.refusals = 0;
  broker.deadRefusals = 0;
  postgres.refusals = 0;
  postgres.brokenCommits.length = 0;
  postgres.brokenCopies = 0;
  redis.heal();
  for (const process of world.processes) process.resume();
  if (!system.quarantineAlive) system.startQuarantine();
  if (system.workers.every(({ process }) => !process.alive)) system.startWorker();
  await untilIdle();
  if (!broker.pulses.isSettled || redis.hasJournal) {
    // All draining workers have ended by now.
    system.startWorker();
    await untilIdle();
  }
  for (let flush = 0; flush < FLUSHES_MAX && redis.held().length > 0; flush++) {
    system.startFlush();
    await untilIdle();
  }
  system.verify(true);
  for (const worker of system.workers) if (worker.process.alive) system.drain(worker);
  await untilIdle();
  if (system.busy) throw new Violation('stuck: some work never ends');
  system.history.whenQuiet();
}
